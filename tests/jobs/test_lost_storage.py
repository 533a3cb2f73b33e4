"""A full disk, and permission that is lost, while a job trains: one sentence, and afterwards the same bits."""

import contextlib
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pytest

import yarnml
from tests.processes import Running, running, saved_steps, wait_for
from tests.tiers import cases
from yarnml.events.events import CheckpointTorn, Continued, Event
from yarnml.job.paths import TEMPORARY

pytestmark = pytest.mark.long

Job = dict[str, Any]

LIMIT = 4096  # bytes, fewer than a state or a model has

# root obeys the modes of files like anybody else once it has lost these two
OBEYING = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search") if os.geteuid() == 0 else ()


@contextlib.contextmanager
def no_permission(folder: Path, run: Running) -> Iterator[None]:
    folder.chmod(0o555)
    try:
        yield
    finally:
        folder.chmod(0o755)


@contextlib.contextmanager
def no_room(folder: Path, run: Running) -> Iterator[None]:
    """Fills the disk to the last byte."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        for size in (2**16, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"x" * size)
    try:
        yield
    finally:
        ballast.unlink()


@contextlib.contextmanager
def no_large_files(folder: Path, run: Running) -> Iterator[None]:
    """No process of the job may make a file larger than LIMIT: its writes stop in the middle."""
    command = psutil.Process(run.popen.pid)
    for process in [*command.children(recursive=True), command]:
        process.rlimit(psutil.RLIMIT_FSIZE, (LIMIT, LIMIT))
    yield


class Case(NamedTuple):
    """A loss while the job trains: of what, where, with which words it ends, and whether it needs a disk of its own."""

    lose: Callable[[Path, Running], AbstractContextManager[None]]
    place: str
    words: str
    backend: str
    disk: bool = False


CASES = {
    "checkpoint, permission": Case(no_permission, "job/checkpoints", r"state can't be written.*denied", "local"),
    "checkpoint, large files": Case(no_large_files, "job", r"can't be written.*File too large", "local"),
    "checkpoint, room": Case(no_room, "job", r"state can't be written.*No space left", "local", disk=True),
    "checkpoint, room inline": Case(no_room, "job", r"can't be written.*No space left", "inline", disk=True),
    "export, permission": Case(no_permission, "models", r"model can't be written.*denied", "inline"),
    "export, room": Case(no_room, "models", r"model can't be written.*No space left", "inline", disk=True),
}

BASIC = {"checkpoint, room inline", "export, permission"}
"""Both losses, of both folders; the others, and those of several processes, are in `make test-breadth`."""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], None]]:
    """Mounts a disk of 2 MiB at a place below the test's folder."""
    mounted: list[Path] = []

    def mount(place: str) -> None:
        folder = tmp_path / place
        folder.mkdir(parents=True)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "small", folder], capture_output=True)
        if done.returncode:
            pytest.skip(f"needs the right to mount: {done.stderr.decode().strip()}")
        mounted.append(folder)

    yield mount
    for folder in mounted:
        subprocess.run(["umount", folder], check=True)


@pytest.fixture(scope="module")
def known() -> dict[str, bytes]:
    """Filled by the first test: the bits of the job without any fault."""
    return {}


@pytest.fixture
def job(digits_job: Job, known: dict[str, bytes], tmp_path: Path) -> Job:
    """A job of a few seconds with many checkpoints."""
    digits_job["training"] = {"epochs": 40, "batch_size": 64, "shards": 2}
    digits_job["checkpoint"] |= {"every": "100 steps"}
    if not known:
        quiet = {"checkpoint": {"path": str(tmp_path / "quiet")}, "export": str(tmp_path / "quiet-models")}
        yarnml.run(digits_job | quiet, "inline")
        known["bits"] = bits(tmp_path / "quiet-models")
    return digits_job


def bits(models: Path) -> bytes:
    (version,) = models.iterdir()
    return (version / "model.safetensors").read_bytes()


def unfinished(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.name.startswith(TEMPORARY)]


@pytest.mark.parametrize("name", cases(CASES, BASIC))
def test_what_is_lost_while_training(
    name: str, job: Job, known: dict[str, bytes], small_disk: Callable[[str], None], write_job: Any, tmp_path: Path
) -> None:
    """The job ends with one sentence and leaves nothing half-written; the cause gone, it goes on to the same bits."""
    case = CASES[name]
    if case.disk:
        small_disk(case.place)
    (tmp_path / case.place).mkdir(parents=True, exist_ok=True)  # the user's own: a job makes its folders when it writes
    path = write_job(job)
    with running(path, "--backend", case.backend, by=OBEYING) as run:
        wait_for("a checkpoint", lambda: saved_steps(tmp_path / "job"))
        with case.lose(tmp_path / case.place, run):
            status, _, err = run.end()
    assert status == 1, err
    assert "Traceback" not in err
    errors = [text for text in err.splitlines() if text.startswith("error: ")]
    assert len(errors) == 1, err
    assert err.endswith(errors[0] + "\n")
    assert re.search(case.words, errors[0])
    assert unfinished(tmp_path) == []
    newest = saved_steps(tmp_path / "job")[-1]
    events: list[Event] = []
    yarnml.run(job, "inline", say=events.append)
    assert [event.step for event in events if isinstance(event, Continued)] == [newest]
    assert not [event for event in events if isinstance(event, CheckpointTorn)]
    assert bits(tmp_path / "models") == known["bits"]
    assert unfinished(tmp_path) == []
