"""Real processes on this machine: the master is this one, workers and reducers are its children."""

import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fsspec.implementations.local import LocalFileSystem

from yarnml import storage
from yarnml.clusters.ahead import common_variables, loops_of
from yarnml.clusters.fork_client import ForkClient, ForkedProcess
from yarnml.clusters.spare import SPARE
from yarnml.control.credentials import Token
from yarnml.control.roles import ProcessId, Role
from yarnml.errors import CheckpointError, CrewLost, JobFileError
from yarnml.events.events import Listener
from yarnml.job import paths
from yarnml.job.base import BaseJob
from yarnml.master.crew import Cluster
from yarnml.master.locality import Locality
from yarnml.master.master import Master
from yarnml.master.membership.failure_policy import Exit, ExitKind, Sizes, kind_of_failure
from yarnml.storage.local import fresh
from yarnml.worker.affinity import available_cores, cores_of_worker
from yarnml.worker.environment import Environment
from yarnml.worker.library_variables import device_variables

HOST = "127.0.0.1"
LOG_TAIL_LINES = 12
"""Lines of a dead process's log that are shown."""

STOP_SECONDS = 5.0
"""Time for processes that were told to stop, before they are killed."""


@dataclass(frozen=True)
class Child:
    """A process of this machine.  ``slot``: which of the places for workers it takes, and with that which GPUs."""

    process: ProcessId
    slot: int
    server: ForkClient
    fork: ForkedProcess
    log: Path

    @property
    def has_ended(self) -> bool:
        return self.server.poll(self.fork) is not None


class LocalProcesses:
    """Starts, watches and kills the children of one job; a `yarnml.master.membership.processes.Processes`."""

    def __init__(self, job: BaseJob, log_folder: Path, credentials: Token) -> None:
        self._job = job
        self._logs = log_folder
        self._credentials = credentials
        self._children: list[Child] = []
        self._servers: list[ForkClient] = []
        self._master = ""

    def open(self, master: str) -> None:
        """Start all processes of the job; ``master``: the address where their master listens."""
        self._master = master
        counts: dict[Role, int] = {"worker": self._job.workers.count, "reducer": self._job.reducers.count}
        for role, count in counts.items():
            for _ in range(count):
                self.start(role)

    def start(self, role: Role, size: int = 0) -> None:
        siblings = [child for child in self._children if child.process.role == role]
        process = ProcessId(role, len(siblings))
        # The lowest place that is free: a replacement takes the cores and GPUs of the process that it replaces.
        slot = min(set(range(len(siblings) + 1)) - {child.slot for child in siblings if not child.has_ended})
        log = self._logs / paths.log_name(role, process.index)
        try:
            server = self._server()
            with fresh(str(log)) as output:
                fork = server.fork(str(process), self._variables(process, slot), output)
        except OSError as exc:  # too many processes, too little memory, or environment.variables without measure
            raise CrewLost(f"{process} can't be started on this machine: {exc.strerror or exc}.") from exc
        self._children.append(Child(process, slot, server, fork, log))

    def _server(self) -> ForkClient:
        """Return the server that forks, a new one where there is none any more."""
        if not self._servers or self._servers[-1].has_ended:
            self._servers.append(SPARE.take(common_variables(self._job.workers, self._job.environment.variables)))
            self._servers[-1].load(loops_of(self._job))
        return self._servers[-1]

    def kill(self, process: ProcessId) -> None:
        for child in self._children:
            if child.process == process:
                self._kill(child, 0.0)

    def exits(self) -> dict[ProcessId, Exit]:
        return {child.process: _exit(child) for child in self._children if child.has_ended}

    def running(self) -> list[ProcessId]:
        return [child.process for child in self._children]

    def sizes(self) -> Sizes:
        return {"worker": [self._job.workers.memory], "reducer": [self._job.reducers.memory]}

    def avoid(self, host: str) -> None:
        """Do nothing: there is no other host."""

    def describe(self, process: ProcessId) -> str:
        children = (child for child in self._children if child.process == process)
        return next((f"process {child.fork.pid or 'to come'}, log {child.log}" for child in children), "not started")

    def available(self, role: Role, limit: int) -> int:
        """Return 0: this machine is the user's, who said how many processes it shall have."""
        return 0

    def shortage(self) -> str:
        return ""

    def stop(self, wait: bool) -> None:
        """End all children: those that were told to stop get a moment, the others none."""
        deadline = time.monotonic() + (STOP_SECONDS if wait else 0.0)
        for child in self._children:
            self._kill(child, max(0.0, deadline - time.monotonic()))

    def close(self) -> None:
        """Look after no processes any more: all have ended."""
        for server in self._servers:
            SPARE.give_back(server)

    def _kill(self, child: Child, patience: float) -> None:
        """Wait ``patience`` seconds for the child's own end, then kill it; and all that it has started."""
        if not child.server.wait(child.fork, patience):
            child.server.kill(child.fork)

    def _variables(self, process: ProcessId, slot: int) -> dict[str, str]:
        """Make the environment variables of one process beside the common ones."""
        workers = self._job.workers
        is_worker = process.role == "worker"
        environment = Environment(
            process.role,
            process.index,
            self._master,
            HOST,
            self._credentials,
            workers.timeout,
            workers.stall,
            guarded=True,
            cores=cores_of_worker(slot, workers.vcores, workers.count, available_cores()) if is_worker else (),
        )
        return device_variables(workers.gpus, slot) | self._job.environment.variables | environment.variables()


def _exit(child: Child) -> Exit:
    """Describe the end of a child that has ended."""
    role = child.process.role
    status = child.server.poll(child.fork) or 0
    log = _tail(_text(child.log)) or _tail(child.server.log())
    if status < 0:
        name = signal.Signals(-status).name
        return Exit(role, ExitKind.SIGNAL, f"{child.process} was ended by signal {-status} ({name})", log)
    kind = kind_of_failure(log)
    return Exit(role, kind, f"{child.process} exited with status {status}", log)


def _text(log: Path) -> str:
    try:
        return log.read_text(errors="replace")
    except OSError:
        return ""


def _tail(log: str) -> str:
    return "\n".join(log.splitlines()[-LOG_TAIL_LINES:])


def _local(log_folder: str) -> Path:
    """The folder for logs on this machine: a temporary one where the job's own folder is elsewhere."""
    fs, path = storage.locate(log_folder)
    folder = Path(path) if isinstance(fs, LocalFileSystem) else Path(tempfile.mkdtemp(prefix="yarnml-logs-"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise CheckpointError(f"The logs can't be written to {log_folder}: {exc}") from exc
    return folder


def _refuse_memory(job: BaseJob) -> None:
    """Refuse files in memory: ``memory://`` is another place in every process."""
    for field, url in job.urls.items():
        if url.startswith("memory://"):
            raise JobFileError(f"{field}: memory:// is not shared between processes; use --backend inline, or files.")


@contextmanager
def open_crew(job: BaseJob, log_folder: str, say: Listener, locality: Locality | None = None) -> Iterator[Master]:
    """Start the job's processes; at the end, however it comes, none is left."""
    _refuse_memory(job)
    credentials = Token()
    processes = LocalProcesses(job, _local(log_folder), credentials)
    master = Master(job, processes, HOST, credentials, say, locality)
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
        processes.close()


CLUSTER = Cluster("local", open_crew)
