"""A process that stops, hangs or falls silent: its worker is let go in time, and may come back."""

import re
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.jobs.conftest import Job, model_bits
from tests.processes import in_each_fork, running, saved_steps, wait_for

pytestmark = pytest.mark.long


@pytest.mark.breadth
def test_a_worker_that_pauses_comes_back(job: Job, write_job: Any) -> None:
    """The others go on without a stopped worker; once it runs again it takes their state, and nothing is lost."""
    job["training"]["epochs"] = 1000
    job["workers"]["count"] = 3
    with running(write_job(job)) as run:
        wait_for("an epoch", lambda: "epoch 2/" in run.printed())
        stopped = run.children()[0]
        stopped.suspend()
        wait_for("the others", lambda: "worker 0 gave no sign of life for" in run.printed())
        wait_for("their way on", lambda: "with 2 workers" in run.printed())
        stopped.resume()
        wait_for("its return", lambda: re.search(r"going on after step \d+ with 3 workers", run.printed()))
        run.popen.send_signal(signal.SIGINT)
        status, out, err = run.end()
    assert status == 130, err
    assert "lost:" not in out


@pytest.mark.breadth
def test_a_worker_that_falls_silent_is_replaced(job: Job, write_job: Any, undisturbed: bytes) -> None:
    """A stopped worker is let go after workers.timeout, and is gone."""
    with running(write_job(job), "--set", "workers.timeout=3") as run:
        wait_for("a checkpoint", lambda: saved_steps(Path(job["checkpoint"]["path"])))
        stopped = run.children()[0]
        stopped.send_signal(signal.SIGSTOP)
        status, out, err = run.end()
    assert status == 0, err
    assert f"worker 0 (process {stopped.pid}" in out
    assert "no sign of life" in out
    assert not stopped.is_running()
    assert model_bits(job) == undisturbed


@pytest.mark.breadth
def test_a_worker_that_never_shows_itself_is_replaced(
    job: Job, write_job: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is stopped before it joins is replaced after five times workers.timeout, and the job gets done."""
    stop_once = (
        "import signal\n"
        "try:\n"
        f"    os.close(os.open({str(tmp_path / 'stopped')!r}, os.O_CREAT | os.O_EXCL))\n"
        "except FileExistsError:\n"
        "    return\n"
        "os.kill(os.getpid(), signal.SIGSTOP)\n"
    )
    monkeypatch.setenv("PYTHONPATH", in_each_fork(tmp_path / "stopping", stop_once))
    with running(write_job(job), "--set", "workers.timeout=5", "--set", "workers.min=2") as run:
        wait_for("another one", lambda: "without a sign of life" in run.printed())
        assert re.search(r"worker 0 \(process \d+", run.printed())
        status, out, err = run.end()
    assert status == 0, err
    assert re.search(r"^round 1 .* 2 workers$", out, re.M), out


def test_a_worker_that_hangs_is_named(long_job: Job, write_job: Any, tmp_path: Path) -> None:
    """Workers that live but do not get on are reported after workers.stall."""
    (tmp_path / "slow.py").write_text(
        "import time\nimport jax.numpy as jnp\n"
        "def init(key, schema): return {'w': jnp.zeros(schema.width)}\n"
        "def loss(p, x, y):\n    time.sleep(600)\n    return x @ p['w']\n"
        "def predict(p, x): return x @ p['w']\n"
    )
    long_job["learner"] = {"path": "slow.py"}
    long_job["data"] |= {"label_type": "number"}
    with running(write_job(long_job), "--set", "workers.stall=3", "--set", "workers.max_failures=0") as run:
        status, _, err = run.end()
    assert status == 1
    assert "worker 0 (process" in err
    assert "did not get on for workers.stall, 3 s: failure 1, with workers.max_failures 0." in err


@pytest.mark.breadth
def test_silence_is_noticed_in_short_rounds(long_job: Job, write_job: Any) -> None:
    """A stopped worker is let go after workers.timeout, also where the others never have to wait for anything."""
    long_job["workers"] = {"count": 2, "timeout": 8}
    long_job["checkpoint"]["every"] = "3 steps"
    with running(write_job(long_job)) as run:
        wait_for("the first epoch", lambda: "epoch 2/" in run.printed())
        stopped = run.children()[1]
        stopped.suspend()
        gone = r"lost: worker 1 \(process .*\) gave no sign of life for \d+ s"
        wait_for("its end", lambda: re.search(gone, run.printed()))
        wait_for("its process's end", lambda: not stopped.is_running())
        run.popen.send_signal(signal.SIGINT)
        run.end()
