"""What the rounds need of a cluster: a crew that carries out commands together."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from yarnml.events import Event
from yarnml.job import Job
from yarnml.messages import Command, Report


class Crew(Protocol):
    """The workers of one job."""

    def meet(self, command: Command, shards: int) -> list[Report]:
        """Have every worker carry out ``command`` on its part of ``shards``; their reports, by worker.

        Raises the YarnmlError that made the command fail, or WorkerLost with the process and its end.
        """


class Cluster(Protocol):
    """Opens a crew for a job and clears it away at the end, whatever happened."""

    def __call__(self, job: Job, log_folder: str, say: Callable[[Event], None]) -> AbstractContextManager[Crew]: ...
