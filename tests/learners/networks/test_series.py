"""The next numbers of a series: windows of the past, and a label for each number to come."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from statsmodels.datasets import sunspots

import yarnml

PAST = 33
HORIZON = 12
TRAINED = 190
"""Windows; the test windows begin where none of their years to come was one of these windows'."""


@pytest.mark.long
def test_a_network_foretells_sunspots(tmp_path: Path) -> None:
    """A few units err less than the last year does, and than the mean; the exported model predicts what was judged."""
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
            "label": labels,
            "shape": [PAST, 1],
        },
        "learner": {"kind": "recurrent", "cell": "gru", "units": [16]},
        "training": {"epochs": 30},
        "checkpoint": {"path": str(tmp_path / "job"), "every": "30 epochs"},
        "evaluation": {"metrics": ["per_label"]},
        "export": str(tmp_path / "models"),
    }
    outcome = yarnml.run(job, "inline")
    truth = windows[TRAINED + HORIZON :, PAST:]
    last = windows[TRAINED + HORIZON :, PAST - 1 : PAST]
    errors = yarnml.load_model(outcome.export).predict(held) - truth
    assert errors.shape == truth.shape
    assert mean_square(errors) < 0.7 * mean_square(truth - last)
    assert mean_square(errors) < 0.8 * mean_square(truth - series[: TRAINED + PAST].mean())
    own = {name: value for name, value in outcome.metrics["test"].items() if name.startswith("rmse") and "12" in name}
    assert list(own.values()) == pytest.approx([np.sqrt(np.mean(errors[:, -1] ** 2))], rel=1e-4)


def mean_square(x: npt.NDArray[np.float64]) -> float:
    return float(np.mean(np.square(x)))
