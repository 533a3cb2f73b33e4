"""Real processes on this machine: the master is this one, workers and reducers are its children."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fsspec.implementations.local import LocalFileSystem

from yarnml import paths, storage
from yarnml.environment import Environment, Role, devices, resources
from yarnml.errors import CheckpointError, JobFileError
from yarnml.events import Event
from yarnml.job import Job
from yarnml.master import Master
from yarnml.transport.security import Token

HOST = "127.0.0.1"
LOG_TAIL = 12  # lines of a dead process's log that are shown
STOP_SECONDS = 5.0


@dataclass(frozen=True)
class Process:
    role: Role
    index: int
    popen: subprocess.Popen[bytes]
    log: Path


@dataclass(frozen=True)
class Ended:
    """A process that ended before it was told to."""

    role: str
    index: int
    cause: str
    log: str


class LocalProcesses:
    """Starts, watches and ends the children."""

    def __init__(self, log_folder: Path) -> None:
        self._logs = log_folder
        self._processes: list[Process] = []

    def start(self, environment: Environment, threads: int, gpus: int) -> None:
        log = self._logs / paths.log_name(environment.role, environment.index)
        variables = os.environ | resources(threads) | devices(gpus, environment.index) | environment.variables()
        with log.open("wb") as output:
            popen = subprocess.Popen(
                [sys.executable, "-m", "yarnml.worker"],
                env=variables,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the master alone
            )
        self._processes.append(Process(environment.role, environment.index, popen, log))

    def ended(self) -> list[Ended]:
        return [
            Ended(p.role, p.index, _cause(p.popen.returncode), _tail(p.log))
            for p in self._processes
            if p.popen.poll() is not None
        ]

    def describe(self, role: str, index: int) -> str:
        found = next((p for p in self._processes if (p.role, p.index) == (role, index)), None)
        return f"process {found.popen.pid}, log {found.log}" if found else "not started"

    def stop(self, wait: bool) -> None:
        """End all children: those that were told to stop get a moment, the others none."""
        deadline = time.monotonic() + (STOP_SECONDS if wait else 0.0)
        for process in self._processes:
            try:
                process.popen.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.popen.kill()
                process.popen.wait()
            if process.popen.stdin:
                process.popen.stdin.close()


def _cause(status: int) -> str:
    return (
        f"was ended by signal {-status} ({signal.Signals(-status).name})"
        if status < 0
        else f"exited with status {status}"
    )


def _tail(log: Path) -> str:
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-LOG_TAIL:])
    except OSError:
        return ""


def _local(log_folder: str) -> Path:
    """The folder for logs on this machine: a temporary one where the job's own folder is elsewhere."""
    fs, path = storage.locate(log_folder)
    folder = Path(path) if isinstance(fs, LocalFileSystem) else Path(tempfile.mkdtemp(prefix="yarnml-logs-"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise CheckpointError(f"The logs can't be written to {log_folder}: {exc}") from exc
    return folder


def _refuse_memory(job: Job) -> None:
    """``memory://`` is another place in every process."""
    to = job.export_to
    named = {"data.train": job.data.train, "data.validation": job.data.validation, "data.test": job.data.test}
    named |= {"checkpoint.path": job.checkpoint.path, "export": to.path if to else None}
    for field, value in named.items():
        if any(str(path).startswith("memory://") for path in (value if isinstance(value, list) else [value])):
            raise JobFileError(f"{field}: memory:// is not shared between processes; use --backend inline, or files.")


@contextmanager
def open_crew(job: Job, log_folder: str, say: Callable[[Event], None]) -> Iterator[Master]:
    """Start the job's processes; at the end, however it comes, none is left."""
    _refuse_memory(job)
    processes, token = LocalProcesses(_local(log_folder)), Token()
    master = Master(job, processes, HOST, token, say)
    orderly = False
    try:
        roles: list[tuple[Role, int]] = [("worker", i) for i in range(job.workers.count)]
        roles += [("reducer", i) for i in range(job.reducers.count)]
        for role, index in roles:
            seconds = job.workers.timeout, job.workers.stall
            environment = Environment(role, index, master.address, HOST, token, *seconds, guarded=True)
            processes.start(environment, job.workers.vcores, job.workers.gpus)
        master.assemble(roles)
        yield master
        orderly = True
    finally:
        if not orderly:  # before the master hangs up: its server waits for the calls of processes that may be stuck
            processes.stop(wait=False)
        master.close()
        processes.stop(wait=True)
