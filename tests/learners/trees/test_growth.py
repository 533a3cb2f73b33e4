"""Growth of trees: which nodes need histograms, and what is said of trees that did not grow."""

import numpy as np
import pytest

from tests.learners.kinds import schema
from tests.learners.trees.growing import Array, grown
from yarnml.job.learners import Boosting
from yarnml.learners.trees import growth
from yarnml.learners.trees.rule import Columns, Size


def test_histograms_are_for_nodes_that_wait_and_their_siblings() -> None:
    """One of two siblings must wait or have waited; a node without children needs nothing."""
    learner, _ = grown(Boosting(trees=1, depth=2), schema(1, ()), *_steps())
    begun = growth.begin(learner._rule, Size(7, 2), 1, 0, Columns(np.zeros(1, bool), np.zeros(1, np.float32), None))
    begun.queue[0, :3] = [0, 2, 3]  # 2 and its sibling 1, 3 and its sibling 4
    waited = begun._replace(tail=np.array([3], np.int32))
    np.testing.assert_array_equal(growth.either_waits(waited, 0, np.array([1, 3, 5, 0])), [True, True, False, False])
    np.testing.assert_array_equal(growth.either_waits(begun, 0, np.array([1, 3, 5, 0])), [False] * 4)


@pytest.mark.parametrize(("least", "is_told"), [(1.0, False), (13.0, True)])
def test_a_model_that_tells_no_rows_apart_says_so(least: float, is_told: bool) -> None:
    """There is no split where no leaf of 24 rows may have fewer than 13, and a remark says why."""
    learner, state = grown(Boosting(trees=2, min_hessian=least), schema(1, ()), *_steps())
    remarks = learner.remarks(state, ["f0"], np.ones(1))
    assert bool(remarks) == is_told
    assert all("leaves 13 or more on both sides" in remark for remark in remarks)


def _steps() -> tuple[Array, Array]:
    """Numbers, and a label that is 1 above the middle one."""
    x = np.arange(24, dtype=np.float32)[:, None]
    return x, (x[:, 0] >= 12).astype(np.float32)
