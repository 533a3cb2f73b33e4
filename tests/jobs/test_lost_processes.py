"""A process that dies costs steps, not bits; too many end the job with a clear sentence."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

import yarnml
from tests import families
from tests.jobs.conftest import EPOCHS, Job, model_bits
from tests.processes import in_each_fork, running, saved_steps, wait_for
from yarnml.control.reports import Failed
from yarnml.errors import DataError, ModelError, WorkerLost
from yarnml.master.reports import cause

pytestmark = pytest.mark.long


@pytest.mark.breadth
def test_all_die_before_one_has_joined(job: Job, write_job: Any, undisturbed: bytes) -> None:
    """SIGKILL of all workers while they start is no sign that none can: others are asked for, and the job is done."""
    with running(write_job(job)) as run:
        wait_for("both workers", lambda: len(run.children()) == 2)
        families.send(run.children())
        status, out, err = run.end()
    assert status == 0, err
    assert "failure 2 of at most 10" in out
    assert model_bits(job) == undisturbed


@pytest.mark.breadth
def test_the_process_that_all_are_forked_from_dies(job: Job, write_job: Any, undisturbed: bytes) -> None:
    """All workers end with it; others come from a new one, and the model has the bits of an undisturbed run."""
    with running(write_job(job)) as run:
        wait_for("a checkpoint", lambda: saved_steps(Path(job["checkpoint"]["path"])))
        run.children()[0].parent().kill()
        status, out, err = run.end()
    assert status == 0, err
    assert "lost: worker 0 was ended by signal 9 (SIGKILL)" in out
    assert "lost: worker 1 was ended by signal 9 (SIGKILL)" in out
    assert model_bits(job) == undisturbed


@pytest.mark.parametrize(("role", "reducers"), [pytest.param("worker", 0, marks=pytest.mark.breadth), ("reducer", 1)])
def test_a_process_that_dies_is_replaced(
    job: Job, write_job: Any, undisturbed: bytes, role: str, reducers: int
) -> None:
    """SIGKILL of a worker or reducer is told by name and signal; the model has the bits of an undisturbed run."""
    with running(write_job(job), "--set", f"reducers.count={reducers}") as run:
        wait_for("a checkpoint", lambda: saved_steps(Path(job["checkpoint"]["path"])))
        run.children(role)[0].kill()
        status, out, err = run.end()
    assert status == 0, err
    assert f"lost: {role} 0 was ended by signal 9 (SIGKILL) (failure 1 of at most 10)" in out
    assert "going on after step" in out
    assert model_bits(job) == undisturbed
    assert not list(Path(job["checkpoint"]["path"]).glob("checkpoints/.tmp-*"))


def test_before_the_first_checkpoint(job: Job, write_job: Any, undisturbed: bytes) -> None:
    """A worker that dies before anything was saved costs a step, since the other one has the state."""
    job["checkpoint"]["every"] = "1000 epochs"
    with running(write_job(job)) as run:
        wait_for("the first epoch", lambda: "epoch 2/" in run.printed())
        run.children()[1].kill()
        status, out, err = run.end()
    assert status == 0, err
    steps = [int(step) for step in re.findall(r"going on after step (\d+) with 1 worker", out)]
    assert steps
    assert steps[0] > 0
    epochs = re.findall(r"^epoch (\d+)/", out, re.MULTILINE)
    assert epochs == [str(n) for n in range(1, EPOCHS + 1)]
    assert model_bits(job) == undisturbed


def test_a_state_that_differs_is_replaced(
    job: Job, write_job: Any, undisturbed: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker whose state has other bits is named after the round and replaced, and the round is done again."""
    infect = (
        "import threading, time\n"
        "def infect():\n"
        "    while 'YARNML_INDEX' not in os.environ:\n"
        "        time.sleep(0.01)\n"
        "    if os.environ['YARNML_INDEX'] != '1':\n"
        "        return\n"
        "    import jax\n"
        "    from yarnml.worker.program import Program\n"
        "    healthy, steps = Program.update, []\n"
        "    def update(self, state, total):\n"
        "        state, scores = healthy(self, state, total)\n"
        "        steps.append(1)\n"
        "        if len(steps) == 30:\n"
        "            state = jax.tree.map(lambda a: a + 1 if a.dtype.kind == 'f' else a, state)\n"
        "        return state, scores\n"
        "    Program.update = update\n"
        "threading.Thread(target=infect, daemon=True).start()\n"
    )
    monkeypatch.setenv("PYTHONPATH", in_each_fork(tmp_path / "sick", infect))
    job["workers"]["count"] = 3  # of two nobody could say which one is right
    with running(write_job(job)) as run:
        status, out, err = run.end()
    assert status == 0, err
    assert re.search(r"lost: worker 1 \(process .*\) had another state than the others after step 46", out)
    assert model_bits(job) == undisturbed


@pytest.mark.breadth
def test_with_fewer_shards_than_workers(job: Job, write_job: Any) -> None:
    """A worker that has the state gives it to another one, which had no shard and gets that of a lost worker."""
    job["training"]["shards"] = 2
    job["workers"]["count"] = 3
    quiet = job | {"checkpoint": {"path": job["checkpoint"]["path"] + "-two"}}
    yarnml.run(quiet, "inline")
    expected = model_bits(quiet)
    with running(write_job(job)) as run:
        wait_for("the first epoch", lambda: "epoch 2/" in run.printed())
        run.children()[0].kill()
        status, out, err = run.end()
    assert status == 0, err
    assert "going on after step" in out
    assert model_bits(job) == expected


@pytest.mark.breadth
def test_newcomers_that_cannot_begin(long_job: Job, write_job: Any, tmp_path: Path) -> None:
    """Without a worker left, and with data that can't be read any more, the job ends by the newcomers' own words."""
    shutil.copytree(long_job["data"]["train"], tmp_path / "train")
    long_job["data"]["train"] = str(tmp_path / "train")
    with running(write_job(long_job), "--set", "workers.max_failures=4") as run:
        wait_for("a checkpoint", lambda: saved_steps(Path(long_job["checkpoint"]["path"])))
        shutil.rmtree(tmp_path / "train")
        families.send(run.children())
        status, _, err = run.end()
    assert status == 1
    assert ".parquet can't be read" in " ".join(err.split())
    assert "failure 5, with workers.max_failures 4." in err


@pytest.mark.breadth
def test_a_crash_loop_stops(long_job: Job, write_job: Any) -> None:
    """After workers.max_failures the job ends with status 1 and the newest cause; its processes are gone."""
    with running(write_job(long_job), "--set", "workers.max_failures=1") as run:
        wait_for("a checkpoint", lambda: saved_steps(Path(long_job["checkpoint"]["path"])))
        run.children()[0].kill()
        wait_for("another worker", lambda: "worker 0" in run.printed() and len(run.children()) == 2)
        family = run.children()
        family[0].kill()
        status, _, err = run.end()
    assert status == 1
    assert "was ended by signal 9 (SIGKILL): failure 2, with workers.max_failures 1." in err
    assert not any(child.is_running() for child in family)
    assert not list(Path(long_job["checkpoint"]["path"]).glob("checkpoints/.tmp-*"))


def test_no_workers_no_hanging(digits_job: Job, write_job: Any) -> None:
    """Workers that never join end the job after workers.wait, with how many there were."""
    with running(write_job(digits_job), "--set", "workers.wait=0.01") as run:
        status, _, err = run.end()
    assert status == 1
    assert "0 of at least 1 workers had come after workers.wait" in err


@pytest.mark.breadth
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
    with running(write_job(digits_job), "--set", "workers.max_failures=1") as run:
        status, _, err = run.end()
    assert status == 1
    assert "xla_no_such_flag" in err


def test_the_cause_is_what_explains_the_rest() -> None:
    """A job's own error beats the streams that broke with it."""
    lost = Failed("WorkerLost", "The reducer at 127.0.0.1:1 gave up")
    own = Failed("DataError", "Column 'x' holds nulls")
    assert isinstance(cause([lost, own]), DataError)
    assert isinstance(cause([lost]), WorkerLost)
    assert "127.0.0.1:1" in str(cause([lost]))
    assert isinstance(cause([Failed("ModelError", "raised", "Traceback")]), ModelError)
