"""Forests predict as well as scikit-learn's."""

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from tests.learners.kinds import schema
from tests.learners.trees.growing import grown, halves, predicted
from yarnml.job.learners import Forest


@pytest.mark.breadth
@pytest.mark.long
def test_a_forest_is_as_accurate_as_scikit_learn_s() -> None:
    """On digits it never saw, a forest is at most 3 % less accurate than scikit-learn's of the same size."""
    x, y, other, truth = halves("digits")
    model = grown(Forest(trees=20, depth=7, bins=17), schema(64, tuple(range(10))), x, y.astype(np.int32))
    right = RandomForestClassifier(20, max_depth=7, random_state=0).fit(x, y)
    outputs = predicted(*model, other)
    assert np.mean(outputs.argmax(axis=1) == truth) > right.score(other, truth) - 0.03
    np.testing.assert_allclose(outputs.sum(axis=1), 1, rtol=1e-4)
