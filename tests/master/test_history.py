"""The history of a training is a table of its epochs."""

from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.datasets import load_iris

import yarnml
from yarnml.checkpoint.manifest import Position
from yarnml.errors import JobFileError
from yarnml.events.events import EpochDone, Event
from yarnml.master.history import history_of

X, Y = load_iris(return_X_y=True)
WEIGHTS = {"0": 0.5, "1": 1.0, "2": 8.0}


def test_epochs_without_an_evaluation_have_gaps() -> None:
    """A row for each epoch, also of a job that an earlier version began; metrics of the training come first."""
    position = Position(3, [{}, {}, {"loss": 0.2}], training=[{"epoch_loss": 0.9}, {"epoch_loss": 0.5, "loss": 0.4}])
    assert history_of(position) == {
        "epoch": [1, 2, 3],
        "epoch_loss": [0.9, 0.5, None],
        "training_loss": [None, 0.4, None],
        "loss": [None, None, 0.2],
    }
    assert [*history_of(position)] == ["epoch", "epoch_loss", "training_loss", "loss"]
    assert history_of(Position(0, [])) == {}


def job(folder: Path, **sections: Any) -> dict[str, Any]:
    rows = pa.table({**{name: X[:, place] for place, name in enumerate("abcd")}, "y": Y})
    pq.write_table(rows, folder / "rows.parquet")
    path = str(folder / "rows.parquet")
    data = {"train": path, "features": [*"abcd"], "label": "y", "scale": "standard", **sections.pop("data", {})}
    document = {"name": "iris", "data": data, "learner": {"kind": "softmax"}, **sections}
    return document | {"checkpoint": {"path": str(folder / "job")}, "workers": {"count": 1}}


def test_training_metrics_are_those_of_the_rows(tmp_path: Path) -> None:
    """Metrics of the training rows equal those of the same rows as test data, whatever the class weights."""
    data = {"test": str(tmp_path / "rows.parquet"), "class_weights": WEIGHTS}
    evaluation = {"every": "2 epochs", "training": True, "metrics": ["log_loss"]}
    events: list[Event] = []
    description = job(tmp_path, data=data, evaluation=evaluation, training={"epochs": 5})
    outcome = yarnml.run(description, "inline", say=events.append)
    assert outcome.metrics["train"] == outcome.metrics["test"]
    for frame in (pd.DataFrame(outcome.history), pl.DataFrame(outcome.history), pa.table(outcome.history).to_pandas()):
        assert frame.shape == (5, 8)
    history = pd.DataFrame(outcome.history)
    assert history["loss"].isna().tolist() == [True, False, True, False, False]
    for name in ("loss", "accuracy", "log_loss"):
        assert history[name].equals(history[f"training_{name}"])
        assert history[name].iloc[-1] == outcome.metrics["test"][name]
    done = [event for event in events if isinstance(event, EpochDone)]
    assert [event.loss for event in done] == history["epoch_loss"].tolist()
    assert [bool(event.training) for event in done] == [False, True, False, True, True]


def test_a_continued_job_has_the_whole_history(tmp_path: Path) -> None:
    """Epochs before a checkpoint stay in the history, which is stored with the outcome."""
    first = yarnml.run(job(tmp_path, evaluation={"training": True}, training={"epochs": 2}), "inline")
    second = yarnml.run(job(tmp_path, evaluation={"training": True}, training={"epochs": 4}), "inline")
    assert second.history["epoch"] == [1, 2, 3, 4]
    assert {name: column[:2] for name, column in second.history.items()} == first.history
    again = yarnml.run(job(tmp_path, evaluation={"training": True}, training={"epochs": 4}), "inline")
    assert again.already
    assert again.history == second.history


def test_early_stopping_needs_other_rows(tmp_path: Path) -> None:
    """Metrics of the training rows judge no training."""
    stopping = {"early_stopping": {"metric": "accuracy"}}
    with pytest.raises(JobFileError, match=r"training.early_stopping needs data.validation"):
        yarnml.load_job(job(tmp_path, evaluation={"training": True}, training=stopping))
