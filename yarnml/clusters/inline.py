"""Everything in this process and thread: for a debugger, and for data that one process can take."""

import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from yarnml.environment import POOLS, devices
from yarnml.errors import JobFileError, WorkerLost
from yarnml.events import Event, Tick
from yarnml.job import Job
from yarnml.locality import Locality
from yarnml.messages import Command, Meeting, Report
from yarnml.transport.memory import MemoryExchange


class InlineCrew:
    """One worker with all shards."""

    def __init__(self, say: Callable[[Event], None]) -> None:
        from yarnml.mapper import Mapper  # brings JAX, which nobody else in this process needs

        self._mapper = Mapper(0, MemoryExchange(), self)
        self._say, self._number = say, 0

    def prefer(self, locality: Locality) -> None:
        """One worker takes all shards."""

    def share_local(self) -> None:
        return None

    def meet(self, command: Command, shards: int) -> list[Report]:
        self._number += 1
        meeting = Meeting(self._number, command, {0: list(range(shards))}, [])
        return [self._mapper.execute(meeting)]

    def recover(self, lost: WorkerLost) -> None:
        raise lost

    def admit(self) -> bool:
        return False

    def step(self, step: int, loss: float, rows: int) -> None:
        """The mapper finished a step."""
        self._say(Tick(step, loss, rows, 1))

    def batch(self) -> None:
        """The mapper mapped a batch: nobody else waits for the news."""


@contextmanager
def open_crew(job: Job, log_folder: str, say: Callable[[Event], None]) -> Iterator[InlineCrew]:
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
