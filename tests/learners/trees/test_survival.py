"""Survival times of boosting: likelihoods are SciPy's, slopes those of the loss, predictions better than a constant."""

from typing import Any

import jax
import numpy as np
import pytest
from scipy import stats

from tests.learners.kinds import schema
from tests.learners.trees.growing import grown, predicted
from yarnml.errors import DataError
from yarnml.job.learners import Boosting
from yarnml.learners.base import Batch
from yarnml.learners.registry import build_learner
from yarnml.learners.trees.numbers import LOSSES

NOISE = {"normal": stats.norm, "logistic": stats.logistic, "extreme": stats.gumbel_l}

SCORE = np.array([-1.1, 0.2, 0.9, 1.7, 0.0, 2.0])
TIME = np.array([0.4, 2.0, -1.0, 0.3, -12.0, -0.1])  # negative: nothing happened up to there


@pytest.mark.parametrize("name", NOISE)
def test_the_loss_of_a_time_is_its_likelihood(name: Any) -> None:
    """It is -log of SciPy's density of the time, or of its survival function; slopes are differences nearby."""
    loss = LOSSES["aft"](Boosting(objective="aft", distribution=name, sigma=0.7))
    log_time = (np.log(np.abs(TIME)) - SCORE) / 0.7
    density = NOISE[name].logpdf(log_time) - np.log(0.7 * np.abs(TIME))
    expected = -np.where(TIME > 0, density, NOISE[name].logsf(log_time))
    np.testing.assert_allclose(loss.value(SCORE, TIME, np), expected, rtol=1e-9)
    first, second = loss.slopes(SCORE, TIME)
    above, below = (loss.value(SCORE + step, TIME, np) for step in (1e-4, -1e-4))
    np.testing.assert_allclose(first, (above - below) / 2e-4, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(second, (above + below - 2 * expected) / 1e-8, rtol=1e-3, atol=1e-6)


def test_labels_that_are_no_times() -> None:
    """A time of 0 is refused; a negative one is a time up to which nothing happened."""
    learner = build_learner(Boosting(objective="aft"), schema(1, ()))
    rows = Batch(np.zeros((2, 1), np.float32), np.array([-1.0, 2.0], np.float32), np.ones(2, np.float32))
    learner.check(rows)
    with pytest.raises(DataError, match="aft needs times other than 0, but one is 0"):
        learner.check(rows._replace(y=np.zeros(2, np.float32)))


@pytest.mark.long
def test_failure_times_are_those_of_a_linear_model_where_that_is_true() -> None:
    """On the heart transplants of Stanford: as likely as the best constant at least, and the older live shorter."""
    table = pytest.importorskip("statsmodels.datasets").heart.load_pandas().data
    x = table[["age"]].to_numpy(np.float32)
    y = np.where(table["censors"] == 1, table["survival"], -table["survival"]).astype(np.float32)
    learner, state = grown(Boosting(objective="aft", sigma=2.0, trees=20, depth=2, min_hessian=2), schema(1, ()), x, y)
    rows = Batch(x, y, np.ones(len(y), np.float32))
    loss = LOSSES["aft"](Boosting(objective="aft", sigma=2.0))
    constants = [loss.value(score, y, np).mean() for score in np.linspace(2, 9, 100)]
    assert np.mean(jax.jit(learner.loss)(learner.parameters(state), rows)) < min(constants) - 0.05
    years = predicted(learner, state, np.array([[30.0], [60.0]], np.float32))
    assert years[0] > 2 * years[1]
