"""Metrics of survival times: the concordance is that of all pairs, Cox's loss is statsmodels'."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import yarnml
from yarnml.errors import DataError, JobFileError
from yarnml.job.metrics import check_metric, of_all_rows, rises
from yarnml.worker.metrics.times import MAX_ROWS, Times, concordance, partial_likelihood

Array = np.ndarray[Any, Any]


def of_pairs(weight: Array, time: Array, label: Array) -> float | None:
    """The concordance, pair by pair."""
    right = pairs = 0.0
    for i in np.flatnonzero(label > 0):
        for j in range(len(label)):
            if abs(label[j]) > label[i] or (label[j] == -label[i]):
                pairs += weight[i] * weight[j]
                right += weight[i] * weight[j] * ((time[j] > time[i]) + (time[j] == time[i]) / 2)
    return right / pairs if pairs else None


@given(st.integers(0, 2**32 - 1), st.integers(1, 40))
@settings(max_examples=60)
def test_the_concordance_is_that_of_all_pairs(seed: int, rows: int) -> None:
    """Equal times and scores, censored rows and weights included; parts of the rows add up to the same bits."""
    random = np.random.default_rng(seed)
    label = random.integers(1, 12, rows) * random.choice([-1.0, 1.0, 1.0], rows)
    time = random.integers(0, 6, rows).astype(float)
    weight = random.integers(1, 4, rows).astype(float)
    expected = of_pairs(weight, time, label)
    assert concordance(weight, time, label) == (pytest.approx(expected) if expected is not None else None)
    times = Times(rows, ["concordance"], is_risk=False)
    cut = rows // 2
    parts = [times.sums(low, *(a[low:high] for a in (weight, time, label))) for low, high in [(0, cut), (cut, rows)]]
    assert times.metrics(parts[0] + parts[1]).get("concordance") == (pytest.approx(expected) if expected else expected)


def test_the_loss_of_risks_is_that_of_statsmodels() -> None:
    """It is -log of the partial likelihood over the rows, and a learner of risks has it as its loss."""
    hazard = pytest.importorskip("statsmodels.duration.hazard_regression")
    table = pytest.importorskip("statsmodels.datasets").heart.load_pandas().data
    age, days, died = (table[name].to_numpy(np.float64) for name in ("age", "survival", "censors"))
    label = np.where(died == 1, days, -days)
    right = hazard.PHReg(days, age, died, ties="breslow").loglike(np.array([0.02]))
    assert partial_likelihood(np.ones(69), 0.02 * age, label) == pytest.approx(-right / 69)
    rows = {"age": age, "days": label}
    # The default of rows in a leaf is for a model that predicts, not for one that fits 69 rows.
    learner = {"kind": "boosting", "objective": "cox", "trees": 5, "depth": 2, "learning_rate": 0.3, "min_hessian": 1}
    model = yarnml.fit(rows, label="days", learner=learner, test=rows, training={"shards": 2})
    metrics = model.outcome.metrics["test"]
    scores = model.predict(rows).astype(np.float64)
    assert metrics["loss"] == pytest.approx(partial_likelihood(np.ones(69), scores, label))
    assert metrics["loss"] < -hazard.PHReg(days, age, died, ties="breslow").loglike(np.array([0.0])) / 69
    assert metrics["concordance"] == pytest.approx(of_pairs(np.ones(69), -scores, label))
    assert metrics["concordance"] > 0.6


def test_names_and_bounds() -> None:
    """The concordance is for numbers, better when it rises, and for so many rows at most."""
    assert rises("concordance")
    assert of_all_rows("concordance")
    check_metric("search.metric", "concordance", "number", 0)
    with pytest.raises(JobFileError, match="not by concordance"):
        check_metric("search.metric", "concordance", "class", 2)
    with pytest.raises(DataError, match="concordance is for 4194304 rows at most"):
        Times(MAX_ROWS + 1, ["concordance"], is_risk=False)
