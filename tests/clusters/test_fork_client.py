"""The server that local processes are forked from."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from yarnml.clusters.fork_client import ForkClient, ForkedProcess
from yarnml.clusters.groups import ProcessGroups

SECONDS = 60.0


@pytest.fixture
def groups() -> Iterator[ProcessGroups]:
    groups = ProcessGroups()
    yield groups
    groups.close()


def fork(server: ForkClient, log: Path) -> ForkedProcess:
    """Fork a process that nobody has told its role, which is an error."""
    with log.open("wb") as output:
        return server.fork("worker 0", {}, output)


def test_how_a_process_ends(groups: ProcessGroups, tmp_path: Path) -> None:
    """Its status and its log are its own; one that is killed before it runs ends as soon as it does."""
    server = ForkClient(os.environ, tmp_path / "server.log", groups)
    failing = fork(server, tmp_path / "failing.log")
    killed = fork(server, tmp_path / "killed.log")
    assert (failing.pid, failing.status) == (None, None)
    server.kill(killed)
    assert server.wait(failing, SECONDS)
    assert failing.status == 1
    assert "YARNML_ROLE is not set" in (tmp_path / "failing.log").read_text()
    assert server.wait(killed, SECONDS)
    assert killed.status is not None
    server.close()
    assert server.has_ended
    assert (tmp_path / "server.log").read_text() == ""


def test_a_server_that_can_not_start(groups: ProcessGroups, tmp_path: Path) -> None:
    """Its processes end with its status, and its log says why."""
    (tmp_path / "jax.py").write_text("raise ImportError('no JAX for this processor')")
    server = ForkClient(os.environ | {"PYTHONPATH": str(tmp_path)}, tmp_path / "server.log", groups)
    process = fork(server, tmp_path / "worker.log")
    assert server.wait(process, SECONDS)
    assert (process.pid, process.status) == (None, 1)
    assert "no JAX for this processor" in server.log.read_text()
    assert fork(server, tmp_path / "worker.log").pid is None
    server.close()
