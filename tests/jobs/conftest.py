"""Jobs whose processes are to be lost, and the model of one that nothing happens to."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes

import yarnml
from tests.conftest import MakeOnce

Job = dict[str, Any]

EPOCHS = 24


def model_bits(job: Job) -> bytes:
    """The parameters of the newest exported model."""
    folder = Path(job["export"])
    return (folder / str(max(int(p.name) for p in folder.iterdir())) / "model.safetensors").read_bytes()


@pytest.fixture
def long_job(digits_job: Job) -> Job:
    """A job that would run for very long."""
    return digits_job | {
        "training": {"epochs": 100_000, "batch_size": 256},
        "checkpoint": digits_job["checkpoint"] | {"every": "20 steps"},
    }


@pytest.fixture
def job(digits_job: Job) -> Job:
    """A job of a few seconds."""
    digits_job["training"] = {"epochs": EPOCHS, "batch_size": 64, "shards": 3}
    digits_job["checkpoint"] |= {"every": "100 steps"}
    digits_job["workers"] = {"count": 2}
    return digits_job


@pytest.fixture
def undisturbed(job: Job, made_once: MakeOnce) -> bytes:
    """The parameters of that job's model when nothing happens to it."""

    def train(folder: Path) -> None:
        yarnml.run(job | {"checkpoint": {"path": str(folder / "job")}, "export": str(folder / "models")}, "inline")

    return model_bits({"export": made_once("undisturbed by faults", train) / "models"})


def _trained(folder: Path, frame: Any, learner: Job, prepare: list[Job]) -> None:
    table = pa.Table.from_pandas(frame, preserve_index=False)
    table = table.append_column("id", pa.array(range(len(table)), pa.int64()))
    pq.write_table(table, folder / "rows.parquet", row_group_size=100)
    pa.csv.write_csv(table, folder / "rows.csv")
    features = [name for name in table.column_names if name not in ("target", "id")]
    yarnml.run(
        {
            "name": "model",
            "data": {
                "train": str(folder / "rows.parquet"),
                "features": features,
                "label": "target",
                "prepare": prepare,
            },
            "learner": learner,
            "checkpoint": {"path": str(folder / "job")},
            "export": str(folder / "models"),
        },
        backend="inline",
    )


@pytest.fixture(scope="session")
def cancer(made_once: MakeOnce) -> Path:
    """A folder with rows of two classes, as Parquet and as CSV, and a model of them."""
    frame = load_breast_cancer(as_frame=True).frame
    return made_once("cancer and its model", lambda folder: _trained(folder, frame, {"kind": "logistic"}, []))


@pytest.fixture(scope="session")
def diabetes(made_once: MakeOnce) -> Path:
    """A folder with rows of a number as label, and a model that fills the nulls of one column."""
    frame = load_diabetes(as_frame=True).frame
    fill = [{"kind": "impute", "columns": ["bmi"]}]
    return made_once("diabetes and its model", lambda folder: _trained(folder, frame, {"kind": "linear"}, fill))
