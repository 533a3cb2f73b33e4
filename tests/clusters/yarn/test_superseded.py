"""An attempt that is not the newest ends without a trace: the one that leads goes on, and so do those after it."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.processes import saved_steps
from yarnml.job import paths
from yarnml.job.load import load_job

Job = dict[str, Any]

APPLICATION = "1700000000000_0004"
SCRIPT = """
import sys
import msgspec
from yarnml import storage
from yarnml.checkpoint.lease import Owner
from yarnml.clusters.inline import CLUSTER
from yarnml.clusters.yarn.containers.application_master import _lead
from yarnml.events.events import EpochDone
from yarnml.job import paths
from yarnml.job.spec import Job

job_file, failure_file, application, attempt = sys.argv[1:]
job = msgspec.json.decode(open(job_file, "rb").read(), type=Job)
lease = storage.join(job.checkpoint.path, paths.LEASE)
successor = Owner("b", "node2", "node2", 10, 500, "", f"application_{application}", int(attempt))

def say(event):
    if isinstance(event, EpochDone) and event.epoch == 2 and application:
        storage.write(lease, msgspec.json.encode(successor))

print(type(_lead(job, CLUSTER, failure_file, say, str)).__name__)
"""


@pytest.fixture
def job(digits_job: Job, tmp_path: Path) -> Job:
    """A job of six epochs as it is sent to its master, with a checkpoint after each."""
    digits_job |= {"learner": {"kind": "softmax"}, "training": {"epochs": 6, "batch_size": 500, "shards": 2}}
    (tmp_path / "job.json").write_bytes(msgspec.json.encode(load_job(digits_job)))
    return digits_job


def lead(folder: Path, attempt: int, successor: str = "", its_attempt: int = 0) -> "subprocess.CompletedProcess[str]":
    """Lead the job as an attempt of the application, whose lease another one takes after two epochs."""
    line = [sys.executable, "-c", SCRIPT, folder / "job.json", folder / "failure.json", successor, f"{its_attempt}"]
    container = f"container_{APPLICATION}_{attempt:02d}_000001"
    variables = os.environ | {"CONTAINER_ID": container}
    return subprocess.run(line, env=variables, capture_output=True, text=True, timeout=120)


@pytest.mark.long
def test_an_older_attempt(job: Job, tmp_path: Path) -> None:
    """It exits without a failure file, an outcome or a model, and the newer attempt goes on from where it came."""
    older = lead(tmp_path, 1, APPLICATION, 2)
    assert older.returncode == 1
    assert f"is led by another run now (application_{APPLICATION}, attempt 2, process 10 on node2)" in older.stderr
    assert not (tmp_path / "failure.json").exists()
    folder = Path(job["checkpoint"]["path"])
    assert not (folder / paths.OUTCOME).exists()
    assert not Path(job["export"]).exists() or not list(Path(job["export"]).iterdir())
    steps = saved_steps(folder)
    again = lead(tmp_path, 1)  # YARN would not start it, but a slow one may come late
    assert again.returncode == 1
    assert saved_steps(folder) == steps
    newer = lead(tmp_path, 3)
    assert newer.stdout == "Outcome\n", newer.stderr
    assert (folder / paths.OUTCOME).exists()


@pytest.mark.long
def test_a_job_of_another_application(job: Job, tmp_path: Path) -> None:
    """A job whose folder another application took fails for good: its next attempt must not take it back."""
    done = lead(tmp_path, 1, "1700000000000_0005", 1)
    assert done.stdout == "Failure\n", done.stderr
    assert "application_1700000000000_0005, attempt 1" in (tmp_path / "failure.json").read_text()
    assert not (Path(job["checkpoint"]["path"]) / paths.OUTCOME).exists()
