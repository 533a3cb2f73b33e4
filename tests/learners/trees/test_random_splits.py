"""Extremely randomised trees: places to split at are drawn between a node's rows, and forests of them predict well."""

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesRegressor

from tests.learners.kinds import schema
from tests.learners.trees.growing import grown, halves, predicted
from yarnml.job.learners import Forest
from yarnml.learners.trees.rule import Columns, Terms
from yarnml.learners.trees.splits import Level, best_splits

EDGES = np.arange(8, dtype=np.float32)[None] + 0.5


def test_places_lie_between_the_rows_of_a_node() -> None:
    """With rows in bins 2, 3, 5 and 6 of eight a node is cut behind 2 to 5, as the draw says."""
    rows = np.array([0, 0, 1, 1, 0, 1, 1, 0])
    sums = np.append(np.column_stack([np.arange(8) * rows, rows]), np.zeros((1, 2)), axis=0)  # nothing is missing
    draws = np.array([0.0, 0.26, 0.6, 0.99], np.float32)[:, None]
    level = Level(np.repeat(sums[None, None], 4, axis=0), None, None, draws)
    columns = Columns(np.zeros(1, bool), np.zeros(1, np.float32))
    splits = best_splits(level, columns, EDGES, Terms(0.0, 1.0, 0.0))
    assert splits.weight[0].tolist() == [1, 2, 2, 3]
    assert splits.feature.tolist() == [0] * 4


@pytest.mark.long
def test_a_forest_of_them_is_scikit_learn_s() -> None:
    """The error of 40 trees on other rows is at most 5 % above that of scikit-learn's extra trees on drawn rows."""
    x, y, other, truth = halves("diabetes")
    options = Forest(trees=40, depth=8, min_rows=3, features=1.0, splits="random")
    ours = predicted(*grown(options, schema(10, ()), x, y.astype(np.float32)), other)
    right = ExtraTreesRegressor(40, max_depth=8, min_samples_leaf=3, bootstrap=True, random_state=0).fit(x, y)
    assert np.mean((ours - truth) ** 2) < 1.05 * np.mean((right.predict(other) - truth) ** 2)
