"""Everything in this process and thread: for a debugger, and for data that one process can take."""

import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from yarnml.control.commands import Assignment, Command, Save, WarmUp
from yarnml.control.reports import Report, Saved
from yarnml.errors import JobFileError, WorkerLost
from yarnml.events.events import Listener, Tick
from yarnml.job.spec import Job
from yarnml.master.crew import Cluster
from yarnml.master.locality import Locality
from yarnml.master.membership.failure_policy import ExitKind
from yarnml.reduce.memory import MemoryAllReduce
from yarnml.worker.environment import POOLS, devices
from yarnml.worker.progress import ProgressTracker


class InlineCrew:
    """One worker with all shards."""

    def __init__(self, say: Listener) -> None:
        from yarnml.worker.mapper import Mapper

        tracker = ProgressTracker(lambda step, loss, rows: say(Tick(step, loss, rows, 1)))
        self._mapper = Mapper(0, MemoryAllReduce(), tracker, lambda assignment, step, copy: None)
        self._generation, self.copied = 0, 0

    def prefer(self, locality: Locality) -> None:
        """One worker takes all shards."""

    def share_local(self) -> None:
        return None

    def listen(self, saved: Callable[[Saved], None]) -> None:
        """Reports tell everything."""

    def warm_up(self, warm_up: WarmUp) -> None:
        """Nobody else will come."""

    def run(self, command: Command, shards: int) -> dict[int, Report]:
        self._generation += 1
        if isinstance(command, Save):
            command = Save(command.folder)  # nobody would hear of what is written beside
        assignment = Assignment(self._generation, command, {0: list(range(shards))}, [])
        return {0: self._mapper.execute(assignment)}

    def peer(self, worker: int) -> str:
        return ""

    def remove(self, workers: Sequence[int], kind: ExitKind, why: str) -> None:
        """There is nobody else."""

    def recover(self, lost: WorkerLost) -> None:
        raise lost

    def admit(self) -> bool:
        return False


@contextmanager
def open_crew(job: Job, log_folder: str, say: Listener) -> Iterator[InlineCrew]:
    if job.reducers.count:
        raise JobFileError("reducers.count must be 0 with --backend inline: there is one process only.")
    threads = str(job.workers.vcores)
    if "jax" not in sys.modules:
        os.environ |= dict.fromkeys(POOLS, threads) | devices(job.workers.gpus, 0)
    elif os.environ.get("NPROC") != threads:
        warnings.warn(
            "JAX was loaded before, with its own number of threads; the model has the bits of the other backends "
            f"only with NPROC={threads} (workers.vcores) in the environment.",
            stacklevel=2,
        )
    yield InlineCrew(say)


CLUSTER = Cluster("inline", open_crew, fixed_workers=1)
