"""Trees grown from real data in one process, pass by pass."""

from typing import Any

import jax
import numpy as np
import numpy.typing as npt
from msgspec.structs import replace
from sklearn import datasets

from yarnml.data.schema import Schema
from yarnml.job.learners import Options
from yarnml.learners.base import Batch
from yarnml.learners.named_arrays import copied_to_host
from yarnml.learners.registry import build_learner

Array = npt.NDArray[Any]


def halves(name: str) -> tuple[Array, Array, Array, Array]:
    """Rows to train on and rows to test on, features first."""
    data = getattr(datasets, f"load_{name}")()
    order = np.random.default_rng(0).permutation(len(data.target))
    x = data.data[order].astype(np.float32)
    y = data.target[order]
    cut = 2 * len(x) // 3
    return x[:cut], y[:cut], x[cut:], y[cut:]


def grown(options: Options, columns: Schema, x: Array, y: Array, passes: int | None = None) -> tuple[Any, Any]:
    """A learner and its state after these passes over one shard, or all of them."""
    learner = build_learner(options, replace(columns, rows=len(x)))
    state = copied_to_host(jax.jit(learner.init)(jax.random.key(0)))
    assert options.passes is not None
    held = None
    for _ in range(passes or options.passes.usual * options.passes.per_epoch):
        held = held or learner.prepare_shard(state, [Batch(x, y, np.ones(len(x), np.float32))])
        sums, held = learner.map_shard(state, held)
        state, scores = learner.update(state, sums)
        if scores.done:
            break
    return learner, state


def predicted(learner: Any, state: Any, x: Array) -> Array:
    return np.asarray(jax.jit(learner.predict)(learner.parameters(state), x))
