"""Real processes on this machine: the master is this one, workers and reducers are its children."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fsspec.implementations.local import LocalFileSystem

from yarnml import storage
from yarnml.control.credentials import Token
from yarnml.control.roles import ProcessId, Role
from yarnml.errors import CheckpointError, JobFileError
from yarnml.events.events import Listener
from yarnml.job import paths
from yarnml.job.spec import Job
from yarnml.master.crew import Cluster
from yarnml.master.master import Master
from yarnml.master.membership.failure_policy import Exit, ExitKind, Sizes, misses_its_environment
from yarnml.worker.affinity import available, share
from yarnml.worker.compile_cache import compiled
from yarnml.worker.environment import Environment, devices, resources

HOST = "127.0.0.1"
LOG_TAIL = 12  # lines of a dead process's log that are shown
STOP_SECONDS = 5.0


@dataclass(frozen=True)
class Process:
    """``slot``: which of the places for workers it takes, and with that which GPUs."""

    who: ProcessId
    slot: int
    popen: subprocess.Popen[bytes]
    log: Path


class LocalProcesses:
    """Starts, watches and ends the children of one job."""

    def __init__(self, job: Job, log_folder: Path, credentials: Token) -> None:
        self._job, self._logs, self._credentials = job, log_folder, credentials
        self._processes: list[Process] = []
        self._master = ""

    def open(self, master: str) -> None:
        """Start all processes of the job; ``master`` is where their master listens."""
        self._master = master
        counts: dict[Role, int] = {"worker": self._job.workers.count, "reducer": self._job.reducers.count}
        for role, count in counts.items():
            for _ in range(count):
                self.start(role)

    def start(self, role: Role, size: int = 0) -> None:
        workers = self._job.workers
        same = [p for p in self._processes if p.who.role == role]
        who = ProcessId(role, len(same))
        slot = min(set(range(len(same) + 1)) - {p.slot for p in same if p.popen.poll() is None})
        cores = share(slot, workers.vcores, workers.count, available()) if role == "worker" else ()
        seconds = workers.timeout, workers.stall
        environment = Environment(
            role, who.index, self._master, HOST, self._credentials, *seconds, guarded=True, cores=cores
        )
        log = self._logs / paths.log_name(role, who.index)
        variables = os.environ | resources(workers.vcores) | devices(workers.gpus, slot) | compiled(workers.vcores)
        with log.open("wb") as output:
            popen = subprocess.Popen(
                [sys.executable, "-m", "yarnml.worker.process"],
                env=variables | self._job.environment.variables | environment.variables(),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the master alone
            )
        self._processes.append(Process(who, slot, popen, log))

    def kill(self, process: ProcessId) -> None:
        for child in self._processes:
            if child.who == process:
                _kill(child, 0.0)

    def exits(self) -> dict[ProcessId, Exit]:
        return {p.who: _exit(p, p.popen.returncode) for p in self._processes if p.popen.poll() is not None}

    def running(self) -> list[ProcessId]:
        return [p.who for p in self._processes]

    def sizes(self) -> Sizes:
        return {"worker": [self._job.workers.memory], "reducer": [self._job.reducers.memory]}

    def avoid(self, host: str) -> None:
        """There is no other host."""

    def describe(self, process: ProcessId) -> str:
        return next((f"process {p.popen.pid}, log {p.log}" for p in self._processes if p.who == process), "not started")

    def available(self, role: Role, limit: int) -> int:
        """None by itself: this machine is the user's, who said how many."""
        return 0

    def shortage(self) -> str:
        return ""

    def stop(self, wait: bool) -> None:
        """End all children: those that were told to stop get a moment, the others none."""
        deadline = time.monotonic() + (STOP_SECONDS if wait else 0.0)
        for process in self._processes:
            _kill(process, max(0.0, deadline - time.monotonic()))
            if process.popen.stdin:
                process.popen.stdin.close()


def _kill(process: Process, patience: float) -> None:
    try:
        process.popen.wait(patience)
    except subprocess.TimeoutExpired:
        process.popen.kill()
        process.popen.wait()


def _exit(process: Process, status: int) -> Exit:
    log = _tail(process.log)
    if status < 0:
        name = signal.Signals(-status).name
        return Exit(process.who.role, ExitKind.SIGNAL, f"{process.who} was ended by signal {-status} ({name})", log)
    kind = ExitKind.ENVIRONMENT if misses_its_environment(log) else ExitKind.EXIT
    return Exit(process.who.role, kind, f"{process.who} exited with status {status}", log)


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
    for field, url in job.urls.items():
        if url.startswith("memory://"):
            raise JobFileError(f"{field}: memory:// is not shared between processes; use --backend inline, or files.")


@contextmanager
def open_crew(job: Job, log_folder: str, say: Listener) -> Iterator[Master]:
    """Start the job's processes; at the end, however it comes, none is left."""
    _refuse_memory(job)
    credentials = Token()
    processes = LocalProcesses(job, _local(log_folder), credentials)
    master = Master(job, processes, HOST, credentials, say)
    orderly = False
    try:
        processes.open(master.address)
        master.assemble()
        yield master
        orderly = True
    finally:
        if not orderly:  # before the master hangs up: its server waits for the calls of processes that may be stuck
            processes.stop(wait=False)
        master.close()
        processes.stop(wait=True)


CLUSTER = Cluster("local", open_crew)
