"""A job in this process and thread: for a debugger, and for data that one process can take."""

import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from yarnml.control.commands import Assignment, Command, Save, WarmUp
from yarnml.control.reports import Report, Saved
from yarnml.errors import JobFileError, WorkerLost
from yarnml.events.events import Listener, Tick
from yarnml.job.base import BaseJob
from yarnml.master.crew import Cluster, CrewStats, ignore
from yarnml.master.locality import Locality
from yarnml.master.membership.failure_policy import ExitKind
from yarnml.reduce.memory import MemoryAllReduce
from yarnml.worker.compile_cache import user_cache_variables
from yarnml.worker.library_variables import THREAD_POOL_VARIABLES, device_variables
from yarnml.worker.progress import ProgressTracker

if TYPE_CHECKING:
    from yarnml.worker.compiled_learners import CompiledLearners


class InlineCrew:
    """One worker with all shards, which is never lost and gets no company."""

    stats = CrewStats()
    time_limit = ""

    def __init__(self, say: Listener) -> None:
        from yarnml.worker.mapper import Mapper  # brings JAX, which must come after its variables are set

        tracker = ProgressTracker(lambda step, loss, rows: say(Tick(step, loss, rows, 1)))
        self._mapper = Mapper(0, MemoryAllReduce(), tracker, lambda assignment, step, copy: None, _learners())
        self._generation = 0

    def run(self, command: Command, shards: int, on_saved: Callable[[Saved], None] = ignore) -> dict[int, Report]:
        self._generation += 1
        if isinstance(command, Save):
            command = Save(command.folder)  # written at once: there is no heartbeat that could tell of it later
        assignment = Assignment(self._generation, command, {0: list(range(shards))}, [])
        return {0: self._mapper.execute(assignment)}

    def warm_up(self, warm_up: WarmUp) -> None:
        """Do nothing: there are no newcomers."""

    def admit(self) -> bool:
        return False

    def peer(self, worker: int) -> str:
        return ""

    def remove(self, workers: Sequence[int], kind: ExitKind, why: str) -> None:
        """Do nothing: one worker can't differ from the others."""

    def recover(self, lost: WorkerLost) -> None:
        raise lost


@cache
def _learners() -> "CompiledLearners":
    """The learners that jobs of this process have compiled: the next one like them need not compile anything."""
    from yarnml.worker.compiled_learners import CompiledLearners  # brings JAX

    return CompiledLearners()


@contextmanager
def open_crew(job: BaseJob, log_folder: str, say: Listener, locality: Locality | None = None) -> Iterator[InlineCrew]:
    """Give the one worker of a job; its log is that of this process, and it takes the shards wherever they are."""
    if job.reducers.count:
        raise JobFileError("reducers.count must be 0 with --backend inline: there is one process only.")
    threads = str(job.workers.vcores)
    if "jax" not in sys.modules:
        machine = dict.fromkeys(THREAD_POOL_VARIABLES, threads) | user_cache_variables(job.workers.vcores)
        os.environ |= machine | device_variables(job.workers.gpus, 0)
    elif os.environ.get("NPROC") != threads:
        warnings.warn(
            "JAX was loaded before, with its own number of threads; the model has the bits of the other backends "
            f"only with NPROC={threads} (workers.vcores) in the environment.",
            stacklevel=2,
        )
    yield InlineCrew(say)


CLUSTER = Cluster("inline", open_crew, fixed_workers=1)
