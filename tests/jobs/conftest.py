"""Jobs whose processes are to be lost, and the model of one that nothing happens to."""

from pathlib import Path
from typing import Any

import pytest

import yarnml
from tests.conftest import MakeOnce

Job = dict[str, Any]

EPOCHS = 40


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
