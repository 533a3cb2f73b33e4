"""The next numbers of a series: windows of the past, and a label for each number to come."""

from pathlib import Path
from typing import Any

import jax
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from msgspec.structs import replace
from statsmodels.datasets import sunspots
from statsmodels.tsa.ar_model import AutoReg

import yarnml
from tests.learners.kinds import several
from yarnml.data.schema import Feature, Schema
from yarnml.errors import JobFileError
from yarnml.job.learners import Options, Recurrent, Transformer
from yarnml.job.load import load_job
from yarnml.learners.gradient import WeightDecay
from yarnml.learners.networks.series import Series
from yarnml.learners.registry import build_learner

pytestmark = pytest.mark.long

PAST = 33
HORIZON = 12
TRAINED = 190
"""Windows; the test windows begin where none of their years to come was one of these windows'."""
CYCLE = 11
"""Years from one maximum of the sun's activity to the next."""


@pytest.mark.long
def test_a_network_foretells_sunspots(tmp_path: Path) -> None:
    """A few units err less than an autoregression and the last cycle; the exported model predicts what was judged."""
    series = sunspots.load_pandas().data["SUNACTIVITY"].to_numpy()
    windows = np.lib.stride_tricks.sliding_window_view(series, PAST + HORIZON)
    labels = [f"next_{h + 1}" for h in range(HORIZON)]
    to_come = {name: windows[:, PAST + h] for h, name in enumerate(labels)}
    table = pa.table({"past": list(windows[:, :PAST])} | to_come)
    pq.write_table(table.slice(0, TRAINED), tmp_path / "train.parquet")
    held = table.slice(TRAINED + HORIZON)
    pq.write_table(held, tmp_path / "test.parquet")
    job = {
        "name": "sunspots",
        "data": {
            "train": str(tmp_path / "train.parquet"),
            "test": str(tmp_path / "test.parquet"),
            "features": ["past"],
            "label": "next_*",
        },
        "learner": {"kind": "recurrent", "cell": "gru", "units": [16], "horizon": HORIZON},
        "training": {"epochs": 30},
        "checkpoint": {"path": str(tmp_path / "job"), "every": "30 epochs"},
        "evaluation": {"metrics": ["per_label"]},
        "export": str(tmp_path / "models"),
    }
    outcome = yarnml.run(job, "inline")
    past, truth = np.split(windows[TRAINED + HORIZON :], [PAST], axis=1)
    errors = yarnml.load_model(outcome.export).predict(held) - truth
    assert errors.shape == truth.shape
    assert mean_square(errors) < mean_square(autoregression(series[: TRAINED + PAST + HORIZON - 1], past) - truth)
    assert mean_square(errors) < mean_square(past[:, PAST - CYCLE + np.arange(HORIZON) % CYCLE] - truth)
    own = {name: value for name, value in outcome.metrics["test"].items() if name.startswith("rmse") and "12" in name}
    assert list(own.values()) == pytest.approx([np.sqrt(np.mean(errors[:, -1] ** 2))], rel=1e-4)


def autoregression(series: npt.NDArray[np.float64], past: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The next values of rows by statsmodels, one step after another: [rows, PAST] → [rows, HORIZON]."""
    constant, *of_lags = AutoReg(series, lags=PAST).fit().params
    rows = past
    for _ in range(HORIZON):
        following = constant + rows[:, : -PAST - 1 : -1] @ np.array(of_lags)
        rows = np.concatenate([rows, following[:, None]], axis=1)
    return rows[:, PAST:]


def mean_square(x: npt.NDArray[np.float64]) -> float:
    return float(np.mean(np.square(x)))


TWO_SERIES = Schema((Feature("a", 4), Feature("b", 4)), ("a1", "a2", "b1", "b2"), "number", ())


@pytest.mark.parametrize(
    "options",
    [Recurrent(cell="rnn", units=[3], horizon=2), Transformer(embedding=4, heads=2, blocks=1, horizon=2)],
    ids=["recurrent", "transformer"],
)
def test_the_first_prediction_is_the_last_value(options: Options) -> None:
    """Untrained networks predict for each series that it stays as it is."""
    learner = build_learner(options, TWO_SERIES)
    x = np.array([[1, 2, 3, 4, 10, 20, 30, 40], [0, 0, 0, 5, 0, 0, 0, -1]], np.float32)
    predicted = learner.predict(learner.parameters(learner.init(jax.random.key(0))), x)
    np.testing.assert_allclose(predicted, [[4, 4, 40, 40], [5, 5, -1, -1]], atol=1e-6)


def test_the_autoregression_is_not_penalised() -> None:
    """The weights of a network are, where those beside it are as least squares say."""
    options = Recurrent(cell="rnn", units=[3], horizon=2)
    parameters = build_learner(options, TWO_SERIES).init(jax.random.key(0)).parameters
    changed = parameters | {"autoregression": parameters["autoregression"] + 7.0}
    penalty = WeightDecay(1.0)
    assert float(penalty(changed)) == float(penalty(parameters)) > 0


def test_series_lie_by_column_or_by_step() -> None:
    """Columns that are lists are series; in one with a shape the numbers of a step lie beside each other."""
    x = np.arange(8.0)[None]
    by_column = Series(TWO_SERIES, "recurrent")
    assert by_column.of(x)[0, 1].tolist() == [1, 5]
    by_step = Series(replace(several(8, ()), shape=(4, 2)), "recurrent")
    assert by_step.of(x)[0, 1].tolist() == [2, 3]
    assert (by_column.steps, by_column.count) == (by_step.steps, by_step.count) == (4, 2)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"scale": "none"}, "data.scale is none and data.label_scale auto; leave both out"),
        ({"label_scale": "log"}, "data.scale is auto and data.label_scale log"),
        ({"prepare": [{"kind": "tokens", "columns": ["x"], "length": 3}]}, "horizon is for series of numbers"),
    ],
)
def test_a_horizon_is_in_the_units_of_the_series(data: dict[str, Any], words: str) -> None:
    """A scale of series or labels alone is refused, and so are texts."""
    section = {"train": "a.csv", "features": ["x"], "label": ["y", "z"], **data}
    with pytest.raises(JobFileError, match=words):
        load_job({"name": "job", "data": section, "learner": {"kind": "transformer", "horizon": 2}})
