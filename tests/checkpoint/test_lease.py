"""One run leads a job: a second one is refused or takes over, and what a dead one left behind stops nobody."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

import yarnml
from tests.processes import running, saved_steps, wait_for
from yarnml.checkpoint.lease import Lease, LeaseLost, Owner, is_alive, may_take, start_of, this_process
from yarnml.errors import CheckpointError
from yarnml.job import paths

Job = dict[str, Any]

FOLDER = "/job"
HERE = Owner("a", "node1", "node1 boot 4026531836", 10, 500, "/job")
FIRST = replace(HERE, application="application_1_0001", attempt=1)
SECOND = replace(FIRST, nonce="b", host="node2", machine="node2 boot 4026531836", attempt=2)
OTHER = replace(SECOND, application="application_1_0002", attempt=1)


@pytest.mark.parametrize(
    ("owner", "run", "alive", "takes"),
    [
        (HERE, HERE, True, False),
        (HERE, HERE, False, True),
        (HERE, HERE, None, True),
        (FIRST, SECOND, None, True),
        (FIRST, replace(SECOND, host="node1", machine=FIRST.machine), True, True),
        (SECOND, FIRST, None, False),
        (SECOND, FIRST, False, False),
        (FIRST, replace(FIRST, nonce="c"), True, False),
        (FIRST, OTHER, None, True),
        (FIRST, OTHER, False, True),
        (FIRST, OTHER, True, False),
        (HERE, FIRST, True, False),
        (FIRST, HERE, None, True),
    ],
)
def test_who_may_take_a_lease(owner: Owner, run: Owner, alive: bool | None, takes: bool) -> None:
    """Nobody from a live process, but for a newer attempt; an older attempt never; else the newer run."""
    assert may_take(owner, run, alive) is takes


def test_a_process_is_known_by_its_start() -> None:
    """A process id that is used again, a process that has ended and another machine are told from the owner."""
    parent = this_process(FOLDER)
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    owner = replace(parent, process=child.pid, started=start_of(child.pid) or 0)
    assert is_alive(owner, parent) is True
    assert is_alive(replace(owner, started=owner.started - 1), parent) is False
    assert is_alive(replace(owner, folder="/copy"), parent) is False
    assert is_alive(replace(owner, machine="another"), parent) is None
    child.kill()
    wait_for("the end of the child, which nobody has asked for", lambda: is_alive(owner, parent) is False)
    child.communicate()
    assert is_alive(owner, parent) is False


def leave(folder: Path, owner: Owner) -> None:
    """Leave a lease behind, as a process that was killed does."""
    folder.mkdir(exist_ok=True)
    (folder / paths.LEASE).write_bytes(msgspec.json.encode(owner))


@pytest.mark.parametrize("left", [b"", b"{", b"\xff", b"[]", b"{}"])
def test_a_damaged_lease_stops_nobody(tmp_path: Path, left: bytes) -> None:
    """It is replaced, and removed at the end."""
    (tmp_path / paths.LEASE).write_bytes(left)
    with Lease(str(tmp_path)).held():
        assert msgspec.json.decode((tmp_path / paths.LEASE).read_bytes(), type=Owner).process == os.getpid()
    assert not list(tmp_path.iterdir())


def test_a_copy_of_a_folder(tmp_path: Path) -> None:
    """A job's folder that is copied while the job runs can be led by another run."""
    with Lease(str(tmp_path / "job")).held():
        shutil.copytree(tmp_path / "job", tmp_path / "copy")
        with Lease(str(tmp_path / "copy")).held():
            pass
        (tmp_path / "link").symlink_to("job")
        with pytest.raises(CheckpointError, match="is in use"):
            Lease(str(tmp_path / "link")).check()


def test_a_lease_that_was_taken(tmp_path: Path) -> None:
    """Whoever lost it learns of that at the next commit, and leaves the other's where it is."""
    first = Lease(str(tmp_path))
    with first.held():
        first.confirm()
        leave(tmp_path, OTHER)
        with pytest.raises(
            LeaseLost, match=rf"checkpoint\.path {tmp_path} is led by another run now \(application_1_0002"
        ):
            first.confirm()
    assert (tmp_path / paths.LEASE).exists()


def test_a_lease_that_was_removed(tmp_path: Path) -> None:
    """A run that leads puts the file back: to remove it ends no job."""
    lease = Lease(str(tmp_path))
    with lease.held():
        (tmp_path / paths.LEASE).unlink()
        lease.confirm()
        with pytest.raises(CheckpointError, match=rf"is in use: process {os.getpid()} on"):
            Lease(str(tmp_path)).check()


def test_attempts_of_an_application(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A newer attempt takes over, and the older one knows that it was its own application."""
    leases = []
    for attempt in (1, 2):
        monkeypatch.setenv("CONTAINER_ID", f"container_e17_1700000000000_0004_{attempt:02d}_000001")
        leases.append(Lease(str(tmp_path)))
    first, second = leases
    with first.held(), second.held():
        with pytest.raises(LeaseLost, match="application_1700000000000_0004, attempt 2, process") as lost:
            first.confirm()
        with pytest.raises(LeaseLost):
            first.check()
        second.confirm()
    assert lost.value.same_application


def test_an_error_after_the_lease_was_taken(tmp_path: Path) -> None:
    """A failure because another run leads by now is told as that, any other as it is."""
    for is_taken, error in ((True, LeaseLost), (False, CheckpointError)):
        with pytest.raises(CheckpointError) as raised, Lease(str(tmp_path)).held():  # noqa: PT012
            if is_taken:
                leave(tmp_path, OTHER)
            raise CheckpointError("state.safetensors is missing")
        assert type(raised.value) is error


def test_what_an_application_left(tmp_path: Path) -> None:
    """The lease of an application that was killed goes, and never that of another run."""
    lease = Lease(str(tmp_path))
    for owner, is_gone in ((OTHER, True), (FIRST, False), (HERE, False)):
        leave(tmp_path, owner)
        assert lease.release_of(OTHER.application) is is_gone
        assert (tmp_path / paths.LEASE).exists() is not is_gone
    (tmp_path / paths.LEASE).unlink()
    assert lease.release_of(OTHER.application)


@pytest.fixture
def endless(digits_job: Job, write_job: Callable[[Job], Path]) -> Path:
    """A job that does not end by itself."""
    digits_job["training"] = {"epochs": 100_000, "batch_size": 500}
    digits_job["checkpoint"] |= {"every": "5 epochs"}
    return write_job(digits_job)


@pytest.mark.long
def test_a_second_run_is_refused(endless: Path, digits_job: Job, yarnml_command: Any) -> None:
    """It ends with a sentence, by another name of the folder too; the first one goes on, and frees the folder."""
    folder = Path(digits_job["checkpoint"]["path"])
    with running(endless, "--backend", "inline") as first:
        wait_for("a checkpoint", lambda: saved_steps(folder))
        sentence = f"is in use: process {first.popen.pid} on "
        second = yarnml_command("run", endless, "--backend", "inline")
        assert second.returncode == 1
        assert sentence in second.stderr
        for path, restart in ((folder, True), (folder / "../job", False)):
            with pytest.raises(CheckpointError, match=sentence):
                yarnml.run(digits_job | {"checkpoint": {"path": f"{path}/"}}, "inline", restart=restart)
        steps = saved_steps(folder)[-1]
        wait_for("the next one", lambda: saved_steps(folder)[-1] > steps)
        first.popen.send_signal(signal.SIGINT)
        assert first.end()[0] == 130
    assert not (folder / paths.LEASE).exists()


@pytest.mark.long
@pytest.mark.breadth
def test_a_killed_run_stops_nobody(endless: Path, digits_job: Job) -> None:
    """After SIGKILL the same command goes on at once, though the lease was left behind."""
    folder = Path(digits_job["checkpoint"]["path"])
    with running(endless, "--backend", "inline") as first:
        wait_for("a checkpoint", lambda: saved_steps(folder))
        first.kill_all()
    assert (folder / paths.LEASE).exists()
    digits_job["training"]["epochs"] = 1
    assert yarnml.run(digits_job, "inline").step == saved_steps(folder)[-1]
    assert not (folder / paths.LEASE).exists()


@pytest.mark.long
@pytest.mark.breadth
def test_the_older_of_two_runs_ends(endless: Path, digits_job: Job) -> None:
    """One whose folder was taken over ends at its next commit, with a sentence, and changes nothing any more."""
    folder = Path(digits_job["checkpoint"]["path"])
    with running(endless, "--backend", "inline") as first:
        wait_for("a checkpoint", lambda: saved_steps(folder))
        leave(folder, OTHER)
        status, _, err = first.end()
    assert status == 1
    assert (
        f"checkpoint.path {folder} is led by another run now (application_1_0002, attempt 1, process 10 on node2)"
        in err
    )
    assert {path.name for path in folder.iterdir()} <= {"checkpoints", "history", "logs", paths.LEASE}
    assert not list((folder / "checkpoints").glob(".tmp-*"))


@pytest.mark.long
def test_of_many_that_begin_at_once_one_leads(
    digits_job: Job, write_job: Callable[[Job], Path], tmp_path: Path
) -> None:
    """However close they are, one has the lease; also where one that died left its own."""
    script = (
        "import sys\nfrom yarnml.checkpoint.lease import Lease\n"
        "lease = Lease(sys.argv[1])\nprint('ready', flush=True)\ninput()\n"
        "try:\n  with lease.held():\n    print('leads', flush=True)\n    input()\n    lease.confirm()\n"
        "except Exception as exc:\n  print(exc, flush=True)\n"
    )
    leave(tmp_path / "job", replace(this_process(str(tmp_path / "job")), started=1))
    line = [sys.executable, "-c", script, str(tmp_path / "job")]
    runs = [
        subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) for _ in range(6)
    ]
    for run in runs:
        assert run.stdout
        assert run.stdout.readline() == "ready\n"
    for run in runs:
        assert run.stdin
        run.stdin.write("go\n")
    answers = [run.stdout.readline() for run in runs if run.stdout]
    for run in runs:
        run.communicate("go\n")
    assert answers.count("leads\n") == 1, answers
    assert sum("is in use: process" in answer for answer in answers) == 5, answers
