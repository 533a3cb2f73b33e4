"""Asynchronous jobs: about as good as synchronous ones, whatever was killed, and said to be none of equal bits."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import yarnml
from tests.processes import lose_each_role, running, saved_steps, wait_for
from yarnml.checkpoint import outcomes
from yarnml.job.load import load_job

pytestmark = [pytest.mark.long, pytest.mark.breadth]

Job = dict[str, Any]

TOLERANCE = 0.02
"""Most that the area under the ROC curve may differ from a synchronous training's, on 800 rows."""


@pytest.fixture
def job(example_data: Callable[[str], Path], tmp_path: Path) -> Job:
    features = ["site", "advertisement", "device", "user"]
    return {
        "name": "asynchronous",
        "data": {
            "train": str(example_data("clicks") / "test"),
            "features": features,
            "label": "clicked",
            "validation": 0.2,
            "prepare": [{"kind": "key", "columns": features}],
        },
        "learner": {"kind": "sparse_linear"},
        "training": {"epochs": 3, "batch_size": 400, "shards": 5, "state": "sharded", "consistency": "asynchronous"},
        "checkpoint": {"path": str(tmp_path / "job"), "every": "5 steps"},
        "export": str(tmp_path / "models"),
    }


def area(job: Job) -> float:
    """The area under the ROC curve of a job that has ended."""
    outcome = outcomes.read(load_job(job))
    assert outcome
    return outcome.metrics["validation"]["roc_auc"]


def synchronous_area(job: Job) -> float:
    """The area that the same job has in one process, synchronously."""
    own = "state", "consistency", "staleness"
    training = {name: value for name, value in job["training"].items() if name not in own}
    other = {name: job[name] for name in ("name", "data", "learner")} | {"training": training}
    other["checkpoint"] = {"path": job["checkpoint"]["path"] + "-synchronous"}
    return yarnml.run(other, "inline").metrics["validation"]["roc_auc"]


def test_a_worker_is_killed(job: Job, write_job: Any) -> None:
    """Two workers and two owners; one worker is killed.  The model is about as good, and says how it came to be."""
    job |= {"workers": {"count": 2}, "reducers": {"count": 2}}
    job["training"]["staleness"] = 2
    folder = Path(job["checkpoint"]["path"])
    with running(write_job(job)) as run:
        wait_for("a checkpoint", lambda: saved_steps(folder))
        run.children()[-1].kill()
        status, out, err = run.end()
    assert status == 0, err
    assert "continuing after step" not in out, "owners have all, so nothing goes back to a checkpoint"
    assert abs(area(job) - synchronous_area(job)) < TOLERANCE
    about = json.loads((Path(job["export"]) / "1" / "model.json").read_text())
    assert "two runs of this job give different models" in about["remarks"][0]
    assert "steps stale on average" in about["remarks"][1]
    assert "two runs of this job give different models" in (Path(job["export"]) / "1" / "model.md").read_text()


def test_killed_and_continued(job: Job, write_job: Any) -> None:
    """All processes are killed, and others go on; then a worker, an owner, and an owner with its follower."""
    job["training"]["epochs"] = 8
    folder = Path(job["checkpoint"]["path"])
    with running(write_job(job | {"workers": {"count": 3}})) as run:
        wait_for("a checkpoint", lambda: saved_steps(folder))
        run.kill_all()
    job |= {"workers": {"count": 2}, "reducers": {"count": 2}}
    with running(write_job(job)) as run:
        lose_each_role(run, folder)
        status, out, err = run.end()
    assert status == 0, err
    assert out.count("continuing after step") == 2, "at the start, and without any owner"
    assert abs(area(job) - synchronous_area(job)) < TOLERANCE
