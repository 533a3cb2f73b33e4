"""The server that local processes are forked from, and the one that is kept for the next job."""

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.processes import wait_for
from yarnml.clusters import spare
from yarnml.clusters.fork_client import ForkClient, ForkedProcess
from yarnml.clusters.spare import SpareServer

SECONDS = 60.0


@pytest.fixture
def kept() -> Iterator[SpareServer]:
    """A place for one server, apart from that of the jobs."""
    kept = SpareServer()
    yield kept
    kept.close()


def fork(server: ForkClient, log: Path) -> ForkedProcess:
    """Fork a process that nobody has told its role, which is an error."""
    with log.open("wb") as output:
        return server.fork("worker 0", {}, output)


def programs() -> list[psutil.Process]:
    """The servers that this process has started."""
    return [child for child in psutil.Process().children() if "yarnml.worker.fork_server" in child.cmdline()]


def test_how_a_process_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its status and its log are its own; one that is killed before it runs ends as soon as it does.

    A user's file that is named like a module of Python's is not imported.
    """
    (tmp_path / "random.py").write_text("raise SystemExit('not the library')")
    monkeypatch.chdir(tmp_path)
    server = ForkClient(os.environ)
    failing = fork(server, tmp_path / "failing.log")
    killed = fork(server, tmp_path / "killed.log")
    assert (failing.pid, failing.status) == (None, None)
    assert not server.is_idle
    server.kill(killed)
    assert server.wait(failing, SECONDS)
    assert failing.status == 1
    assert "YARNML_ROLE is not set" in (tmp_path / "failing.log").read_text()
    assert server.wait(killed, SECONDS)
    assert killed.status is not None
    assert server.is_idle
    assert server.log() == ""
    server.close()
    assert server.has_ended


def test_a_server_that_can_not_start(tmp_path: Path) -> None:
    """Its processes end with its status, and its log says why."""
    (tmp_path / "jax.py").write_text("raise ImportError('no JAX for this processor')")
    server = ForkClient(os.environ | {"PYTHONPATH": str(tmp_path)})
    process = fork(server, tmp_path / "worker.log")
    assert server.wait(process, SECONDS)
    assert (process.pid, process.status) == (None, 1)
    assert "no JAX for this processor" in server.log()
    assert fork(server, tmp_path / "worker.log").pid is None
    assert not server.is_idle
    server.close()


def test_the_next_job_has_the_server_of_the_last(kept: SpareServer, tmp_path: Path) -> None:
    """It forks a process like the first then; a job meanwhile has a server of its own.

    Compiled loops are loaded once, by the server, and before the processes that need them.
    """
    loaded = tmp_path / "loaded"
    (tmp_path / "loops_of_a_learner.py").write_text(f"def kernels(): print('loaded', file=open({str(loaded)!r}, 'a'))")
    variables = {**os.environ, "PYTHONPATH": str(tmp_path)}
    server = kept.take(variables)
    for _ in range(2):
        server.load("loops_of_a_learner")
        assert server.wait(fork(server, tmp_path / "first.log"), SECONDS)
        assert loaded.read_text() == "loaded\n"
    kept.give_back(server)
    assert kept.take(variables) is server
    other = kept.take(variables)
    assert other is not server
    second = fork(server, tmp_path / "second.log")
    assert server.wait(second, SECONDS)
    assert second.status == 1
    kept.give_back(server)
    kept.give_back(other)
    assert server.has_ended
    assert not other.has_ended


def test_a_server_that_is_started_ahead(kept: SpareServer) -> None:
    """The job that comes next has it; where none comes, it is killed, whatever it is loading."""
    kept.start(dict(os.environ))
    server = kept.take(dict(os.environ))
    kept.give_back(server)
    assert kept.take(dict(os.environ)) is server
    kept.give_back(server)
    kept.close()
    assert server.status == -signal.SIGKILL


def test_jobs_of_other_places_have_their_own(
    kept: SpareServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Another variable, folder or thread: the spare one ends, since what it has imported may not fit."""
    server = kept.take(dict(os.environ))
    takes = {
        "variable": lambda: kept.take({**os.environ, "JAX_ENABLE_X64": "1"}),
        "folder": lambda: kept.take(dict(os.environ)),
        "thread": lambda: threads_take(kept),
    }
    for place, take in takes.items():
        kept.give_back(server)
        if place == "folder":
            monkeypatch.chdir(tmp_path)
        taken = take()
        assert taken is not server, place
        assert server.has_ended, place
        server = taken
    server.close()


def threads_take(kept: SpareServer) -> ForkClient:
    """Take a server in a thread that then ends."""
    servers: list[ForkClient] = []
    thread = threading.Thread(target=lambda: servers.append(kept.take(dict(os.environ))))
    thread.start()
    thread.join()
    return servers[0]


def test_what_is_not_kept(kept: SpareServer, tmp_path: Path) -> None:
    """A server that still has work, and one that somebody has killed; its process is not found again."""
    server = kept.take(dict(os.environ))
    fork(server, tmp_path / "worker.log")
    kept.give_back(server)
    assert server.has_ended
    server = kept.take(dict(os.environ))
    kept.give_back(server)
    for program in programs():
        program.kill()
        program.wait(SECONDS)
    another = kept.take(dict(os.environ))
    assert another is not server
    another.close()


def test_a_server_is_kept_for_a_while(kept: SpareServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then it ends, and leaves no process."""
    monkeypatch.setattr(spare, "KEPT_SECONDS", 0.0)
    earlier_programs = programs()  # kept for the jobs of other tests
    server = kept.take(dict(os.environ))
    kept.give_back(server)
    wait_for("the server's end", lambda: server.has_ended, SECONDS)
    assert set(programs()) <= set(earlier_programs)
