"""Jobs with tables: the same bits with any number of processes, whatever was killed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import yarnml
from tests.conftest import MakeOnce
from tests.processes import running, saved_steps, wait_for

pytestmark = pytest.mark.long

Job = dict[str, Any]


@pytest.fixture
def job(example_data: Callable[[str], Path], tmp_path: Path) -> Job:
    """Steps of five shards, on keys of texts, numbers and lists."""
    features = ["site", "advertisement", "device", "user", "words"]
    return {
        "name": "tables",
        "data": {
            "train": str(example_data("clicks") / "test"),
            "features": [*features, "pages"],
            "label": "clicked",
            "prepare": [{"kind": "key", "columns": features}],
        },
        "learner": {"kind": "sparse_factorization_machine", "rank": 3},
        "training": {"epochs": 2, "batch_size": 500, "shards": 5},
        "checkpoint": {"path": str(tmp_path / "job"), "every": "5 steps"},
        "export": str(tmp_path / "models"),
    }


def model_bits(folder: Path) -> list[bytes]:
    return [(folder / "1" / name).read_bytes() for name in ("model.safetensors", "table.safetensors")]


@pytest.fixture
def expected(job: Job, made_once: MakeOnce) -> list[bytes]:
    """The model of one process."""

    def train(folder: Path) -> None:
        yarnml.run(job | {"checkpoint": {"path": str(folder / "job")}, "export": str(folder / "models")}, "inline")

    return model_bits(made_once("a model with a table", train) / "models")


@pytest.mark.parametrize(("workers", "reducers"), [(2, 0), (3, 2), (5, 0)], ids=str)
def test_any_number_of_processes(job: Job, expected: list[bytes], workers: int, reducers: int) -> None:
    """Local processes in any number, reducing among themselves or apart, train the bits of a single process."""
    yarnml.run(job | {"workers": {"count": workers}, "reducers": {"count": reducers}})
    assert model_bits(Path(job["export"])) == expected


def test_killed_and_continued(job: Job, expected: list[bytes], write_job: Any) -> None:
    """A job that goes on from its checkpoint after SIGKILL of all, and loses a worker, trains the same bits."""
    folder = Path(job["checkpoint"]["path"])
    with running(write_job(job | {"workers": {"count": 2}})) as run:
        wait_for("a checkpoint", lambda: saved_steps(folder))
        run.kill_all()
    with running(write_job(job | {"workers": {"count": 3}})) as run:
        wait_for("three workers", lambda: len(run.children()) == 3)
        run.children()[1].kill()
        status, _, err = run.end()
    assert status == 0, err
    assert model_bits(Path(job["export"])) == expected
