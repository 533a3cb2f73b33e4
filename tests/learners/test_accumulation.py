"""Gradient accumulation: micro-batches give the sums, the losses and the predictions of the batch, in less memory."""

from functools import partial
from typing import Any

import jax
import numpy as np
import pytest

from yarnml.data.schema import Feature, Rows, Schema
from yarnml.job.learners import Cnn, Mlp
from yarnml.learners.accumulation import sum_by_parts
from yarnml.learners.base import Batch
from yarnml.learners.registry import build_learner
from yarnml.worker.program import Program

pytestmark = pytest.mark.long

IMAGES = Schema((Feature("x", 128),), "y", "class", (0, 1, 2), None, (8, 8, 2))


def rows_of(n: int) -> Rows:
    random = np.random.default_rng(n)
    weight = random.uniform(0, 2, n).astype(np.float32)
    return Rows(random.normal(size=(n, 128)).astype(np.float32), random.integers(3, size=n).astype(np.int32), weight)


@pytest.mark.long
def test_micro_batches_add_up_to_the_batch() -> None:
    """Micro-batches of a size that does not divide the batch have its sums, to 1e-6 of the largest."""
    learner: Any = build_learner(Cnn(channels=[3], hidden=[8], dropout=0.2), IMAGES)
    state = jax.jit(learner.init)(jax.random.key(0))
    batch = rows_of(32)
    whole, parts = (Program(learner, IMAGES, max_rows).map(state, None, batch) for max_rows in (None, 5))
    np.testing.assert_allclose(parts, whole, atol=1e-6 * np.abs(whole).max())


def test_evaluations_keep_the_order_of_rows() -> None:
    """Predictions and losses come row by row, whatever is computed at once."""
    learner: Any = build_learner(Mlp(hidden=[8]), IMAGES)
    state = jax.jit(learner.init)(jax.random.key(0))
    batch = rows_of(23)
    for max_rows in (5, 100):
        whole, parts = (Program(learner, IMAGES, m).evaluate(state, None, batch) for m in (None, max_rows))
        for actual, right in zip(parts, whole, strict=True):
            np.testing.assert_allclose(actual, right, rtol=1e-5, atol=1e-6)


def test_a_micro_batch_is_normalised_by_itself() -> None:
    """With batch normalisation the sums are those of the micro-batches, into which the rows are dealt out in turn."""
    learner: Any = build_learner(Mlp(hidden=[8], normalization="batch"), IMAGES)
    state = jax.jit(learner.init)(jax.random.key(0))
    rows = rows_of(23)
    batch = Batch(rows.x.reshape(-1, 8, 8, 2), rows.y, rows.weight)
    map = jax.jit(learner.map)
    actual = sum_by_parts(partial(map, state), batch, 6)
    parts = [map(state, Batch(*(a[n::4] for a in batch))) for n in range(4)]  # of 6, 6, 6 and 5 rows
    expected = jax.tree.map(lambda *sums: sum(np.asarray(s) for s in sums), *parts)
    for a, b in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


def test_memory_is_that_of_a_micro_batch() -> None:
    """A sixteenth of the rows at once takes a quarter of the memory or less, as XLA counts it."""
    learner: Any = build_learner(Cnn(channels=[32], hidden=[8]), IMAGES)
    state = jax.jit(learner.init)(jax.random.key(0))
    rows = rows_of(256)
    batch = Batch(rows.x.reshape(-1, 8, 8, 2), rows.y, rows.weight)

    def memory(max_rows: int | None) -> int:
        summed = jax.jit(lambda batch: sum_by_parts(partial(learner.map, state), batch, max_rows))
        compiled = summed.lower(batch).compile()
        return int(compiled.memory_analysis().temp_size_in_bytes)

    assert memory(16) < memory(None) / 4
