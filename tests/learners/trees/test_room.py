"""A pass takes a part of the nodes that wait, and a state is kept without the room that its trees do not need."""

from typing import Any

import jax
import numpy as np
import pytest

from tests.learners.kinds import schema
from tests.learners.trees.growing import grown, halves
from yarnml.data.scaling import identity_of
from yarnml.job.learners import Boosting, Forest
from yarnml.learners.base import Batch
from yarnml.learners.trees import build
from yarnml.worker.state_arrays import loaded, saved


def same(left: Any, right: Any) -> None:
    for a, b in zip(jax.tree.leaves(left), jax.tree.leaves(right), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("options", [
    Forest(trees=2, features=0.4),
    Boosting(trees=2, depth="none", min_hessian=3.0),
])  # fmt: skip
def test_trees_are_the_same_however_few_nodes_a_pass_takes(options: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """One node of each tree at a time gives the trees of whole levels, to the bit, in more passes."""
    x, y, _, _ = halves("diabetes")
    _, whole = grown(options, schema(10, ()), x[:50], y[:50].astype(np.float32))
    monkeypatch.setattr(build, "USUAL_SUMS", 1)
    _, narrow = grown(options, schema(10, ()), x[:50], y[:50].astype(np.float32))
    same(whole.model, narrow.model)
    assert narrow.passes > whole.passes + 3


def test_a_forest_goes_on_from_what_is_kept_of_it() -> None:
    """In the middle of its second round, a state takes the room of its largest tree, and becomes the same forest."""
    x, y, _, _ = halves("diabetes")
    y = (y > 140).astype(np.int32)
    options = Forest(trees=30)
    columns = schema(10, (0, 1))
    learner, whole = grown(options, columns, x, y)
    _, state = grown(options, columns, x, y, passes=20)
    assert 0 < state.model.rounds < 2
    scaling = identity_of(columns)
    arrays = saved(learner, state, scaling)
    rounds, trees, nodes = arrays["state/model/feature"].shape
    assert (rounds, trees) == (2, 10)
    assert nodes < 0.5 * whole.model.feature.shape[2]
    state, _ = loaded(learner, state, scaling, arrays)
    held = learner.prepare_shard(state, [Batch(x, y, np.ones(len(x), np.float32))])
    done = False
    while not done:
        sums, held = learner.map_shard(state, held)
        state, (_, _, done) = learner.update(state, sums)
    same(whole.model, state.model)
