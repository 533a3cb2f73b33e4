"""A worker that dies, hangs or falls silent ends the job with a clear sentence, and nothing is left of it."""

import signal
from pathlib import Path
from typing import Any

import pytest

from tests.processes import running, saved_steps, wait_for
from yarnml.errors import DataError, ModelError, WorkerLost
from yarnml.master import cause
from yarnml.messages import Failed

Job = dict[str, Any]


@pytest.fixture
def long_job(digits_job: Job) -> Job:
    """A job that would run for very long."""
    return digits_job | {
        "training": {"epochs": 100_000, "batch_size": 256},
        "checkpoint": digits_job["checkpoint"] | {"every": "20 steps"},
    }


@pytest.mark.parametrize("reducers", [0, 1])
def test_a_worker_that_dies_is_named(long_job: Job, write_job: Any, reducers: int) -> None:
    """SIGKILL of one worker ends the job with status 1, its name and the signal; all other processes are gone."""
    with running(write_job(long_job), "--set", f"reducers.count={reducers}") as run:
        wait_for("a checkpoint", lambda: saved_steps(Path(long_job["checkpoint"]["path"])))
        family = run.children() + run.children("reducer")
        family[1].kill()
        status, _, err = run.end()
    assert status == 1
    assert "worker 1 was ended by signal 9 (SIGKILL)" in err
    assert not any(child.is_running() for child in family)
    assert not list(Path(long_job["checkpoint"]["path"]).glob("checkpoints/.tmp-*"))


def test_a_reducer_that_dies_is_named(long_job: Job, write_job: Any) -> None:
    """SIGKILL of a reducer of its own ends the job with its name."""
    with running(write_job(long_job), "--set", "reducers.count=1") as run:
        wait_for("a checkpoint", lambda: saved_steps(Path(long_job["checkpoint"]["path"])))
        run.children("reducer")[0].kill()
        status, _, err = run.end()
    assert status == 1
    assert "reducer 0 was ended by signal 9 (SIGKILL)" in err


def test_a_worker_that_falls_silent_is_named(long_job: Job, write_job: Any) -> None:
    """A stopped worker is reported after workers.timeout, with its process and the step it was at."""
    with running(write_job(long_job), "--set", "workers.timeout=3") as run:
        wait_for("a checkpoint", lambda: saved_steps(Path(long_job["checkpoint"]["path"])))
        stopped = run.children()[0]
        stopped.send_signal(signal.SIGSTOP)
        status, _, err = run.end()
    assert status == 1
    assert f"worker 0 (process {stopped.pid}" in err
    assert "no sign of life" in err
    assert not stopped.is_running()


def test_a_worker_that_hangs_is_named(long_job: Job, write_job: Any, tmp_path: Path) -> None:
    """A worker that lives but does not get on is reported after workers.stall."""
    (tmp_path / "slow.py").write_text(
        "import time\nimport jax.numpy as jnp\n"
        "def init(key, schema): return {'w': jnp.zeros(schema.width)}\n"
        "def loss(p, x, y):\n    time.sleep(600)\n    return x @ p['w']\n"
        "def predict(p, x): return x @ p['w']\n"
    )
    long_job["learner"] = {"path": "slow.py"}
    long_job["data"] |= {"label_type": "number"}
    with running(write_job(long_job), "--set", "workers.stall=3") as run:
        status, _, err = run.end()
    assert status == 1
    assert "workers.stall" in err
    assert "worker 0 at step 0" in err


def test_workers_leave_with_their_master(long_job: Job, write_job: Any) -> None:
    """SIGKILL of the command alone ends all its workers and reducers too."""
    with running(write_job(long_job), "--set", "reducers.count=1") as run:
        wait_for("a checkpoint", lambda: saved_steps(Path(long_job["checkpoint"]["path"])))
        family = run.children() + run.children("reducer")
        run.popen.kill()
        run.popen.communicate()
        wait_for("the children to leave", lambda: not any(child.is_running() for child in family))


def test_a_program_that_cannot_start_is_shown(digits_job: Job, write_job: Any, monkeypatch: Any) -> None:
    """When workers exit before they join, the end of their log is part of the error."""
    monkeypatch.setenv("XLA_FLAGS", "--xla_no_such_flag=1")
    with running(write_job(digits_job)) as run:
        status, _, err = run.end()
    assert status == 1
    assert "xla_no_such_flag" in err


class Gone:
    role, index, cause, log = "worker", 1, "was ended by signal 9 (SIGKILL)", "the end of its log"


def test_the_cause_is_what_explains_the_rest() -> None:
    """A job's own error beats a dead process, which beats the streams that broke with it."""
    lost = Failed("WorkerLost", "The reducer at 127.0.0.1:1 gave up")
    own = Failed("DataError", "Column 'x' holds nulls")
    assert isinstance(cause([lost, own], [Gone()]), DataError)
    dead = cause([lost], [Gone()])
    assert isinstance(dead, WorkerLost)
    assert "worker 1" in str(dead)
    assert dead.detail == "the end of its log"
    assert "127.0.0.1:1" in str(cause([lost], []))
    assert isinstance(cause([Failed("ModelError", "raised", "Traceback")], []), ModelError)
