"""Objectives of boosting: slopes are those of the loss, predictions as good as scikit-learn's, labels refused."""

from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import mean_absolute_error, mean_gamma_deviance, mean_pinball_loss, mean_poisson_deviance

from tests.learners.kinds import schema
from tests.learners.trees.growing import grown, predicted
from yarnml.errors import DataError, JobFileError
from yarnml.job.learners import Boosting
from yarnml.learners.base import Batch
from yarnml.learners.registry import build_learner
from yarnml.learners.trees.boosting import least_hessian
from yarnml.learners.trees.numbers import LOSSES


@pytest.mark.parametrize("name", LOSSES)
def test_slopes_are_those_of_the_loss(name: str) -> None:
    """The first derivative is the difference of losses nearby, the second is above 0."""
    loss = LOSSES[name](Boosting(delta=0.7))
    score = np.array([-1.1, 0.2, 0.9, 1.7])
    y = np.array([0.4, 2.0, 1.0, 0.3])
    first, second = loss.slopes(score, y)
    difference = (loss.value(score + 1e-5, y, np) - loss.value(score - 1e-5, y, np)) / 2e-5
    np.testing.assert_allclose(first, difference, rtol=1e-4)
    assert (second > 0).all()


@pytest.mark.long
@pytest.mark.parametrize(
    ("options", "right", "score"),
    [
        pytest.param(
            {"objective": "absolute"},
            {"loss": "absolute_error"},
            mean_absolute_error,
            id="absolute",
            marks=pytest.mark.breadth,
        ),
        pytest.param(
            {"objective": "quantile", "quantile": 0.8},
            {"loss": "quantile", "quantile": 0.8},
            lambda y, p: mean_pinball_loss(y, p, alpha=0.8),
            id="quantile",
        ),
        pytest.param({"objective": "poisson"}, {"loss": "poisson"}, mean_poisson_deviance, id="poisson"),
        pytest.param(
            {"objective": "gamma"}, {"loss": "gamma"}, mean_gamma_deviance, id="gamma", marks=pytest.mark.breadth
        ),
    ],
)
def test_it_predicts_as_well_as_scikit_learn(options: Any, right: Any, score: Any) -> None:
    """The loss on other rows is at most 5 % above that of scikit-learn's boosting of the same size."""
    random = np.random.default_rng(0)
    x = random.uniform(size=(3000, 4)).astype(np.float32)
    mean = np.exp(2 * x[:, 0] + np.sin(5 * x[:, 1]))
    y = mean * random.gamma(3, 1 / 3, 3000) * 100
    y = np.round(y) if options["objective"] == "poisson" else y
    size = {"max_iter": 60, "max_depth": 3, "max_leaf_nodes": None, "min_samples_leaf": 1, "l2_regularization": 1}
    other = HistGradientBoostingRegressor(**size, **right).fit(x[:2000], y[:2000]).predict(x[2000:])
    ours = predicted(*grown(Boosting(trees=60, depth=3, **options), schema(4, ()), x[:2000], y[:2000]), x[2000:])
    assert score(y[2000:], ours) < 1.05 * score(y[2000:], other)


def test_labels_that_a_loss_is_not_for() -> None:
    """A class, a negative count and an amount of 0 are refused in one sentence; what the loss takes is not."""
    with pytest.raises(JobFileError, match=r"learner\.objective poisson is for a number"):
        build_learner(Boosting(objective="poisson"), schema(1, (0, 1)))
    x = np.zeros((2, 1), np.float32)
    labels = np.array([1.0, 0.0], np.float32)
    weight = np.ones(2, np.float32)
    build_learner(Boosting(objective="tweedie"), schema(1, ())).check(Batch(x, labels, weight))
    with pytest.raises(DataError, match=r"gamma needs labels above 0, but one is 0"):
        build_learner(Boosting(objective="gamma"), schema(1, ())).check(Batch(x, labels, weight))
    with pytest.raises(DataError, match=r"poisson needs labels of 0 or more, but one is -1"):
        build_learner(Boosting(objective="poisson"), schema(1, ())).check(Batch(x, -labels, weight))


@pytest.mark.parametrize(("options", "outputs", "rows", "least"), [
    (Boosting(), (), 5000, 20.0),
    (Boosting(objective="quantile"), (), 120, 6.0),
    (Boosting(objective="absolute"), (), 10, 1.0),
    (Boosting(objective="aft"), (), 50, 10.0),
    (Boosting(objective="cox"), (), 5000, 20.0),
    (Boosting(objective="poisson"), (), 5000, 1.0),
    (Boosting(), (0, 1), 5000, 1.0),
    (Boosting(min_hessian=0.5), (), 5000, 0.5),
])  # fmt: skip
def test_leaves_have_rows_enough_by_default(options: Boosting, outputs: Any, rows: int, least: float) -> None:
    """A leaf has 20 rows where second derivatives count them, but at most a twentieth of all; an option goes first."""
    assert least_hessian(options, replace(schema(3, outputs), rows=rows)) == least
