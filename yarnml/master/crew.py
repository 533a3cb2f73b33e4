"""The cluster as the rounds see it: a crew of workers that carries out commands together."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from yarnml.control.commands import Command, WarmUp
from yarnml.control.reports import Report, Saved
from yarnml.errors import WorkerLost
from yarnml.events.events import Listener
from yarnml.job.spec import Job
from yarnml.master.locality import Locality
from yarnml.master.membership.failure_policy import ExitKind


class Crew(Protocol):
    """The workers of one job."""

    def prefer(self, locality: Locality) -> None:
        """From now on give shards to workers that are near to their bytes."""

    def share_local(self) -> float | None:
        """The share of the training bytes that is on the host of its worker; None where that is not known."""

    @property
    def copied(self) -> int:
        """Tasks of which a copy was computed besides."""

    def listen(self, saved: Callable[[Saved], None]) -> None:
        """From now on tell, during meetings, of every checkpoint that a worker has written beside the training."""

    def warm_up(self, warm_up: WarmUp) -> None:
        """From now on have newcomers get ready by this before they take part."""

    def run(self, command: Command, shards: int) -> dict[int, Report]:
        """Have every worker carry out ``command`` on its part of ``shards``; their reports, by worker.

        Raises the YarnmlError that made the command fail, or WorkerLost with the process and its end.
        """

    def peer(self, worker: int) -> str:
        """Where this worker's state can be fetched."""

    def remove(self, workers: Sequence[int], kind: ExitKind, why: str) -> None:
        """Let go of these workers, for what they did, and ask for others."""

    def recover(self, lost: WorkerLost) -> None:
        """After a lost process, make the crew whole enough to go on; raises WorkerLost where that can't be."""

    def admit(self) -> bool:
        """Take in workers that came since the last meeting, or let others rest; whether that changes anything."""


class OpenCrew(Protocol):
    """Opens a crew for a job and clears it away at the end, whatever happened."""

    def __call__(self, job: Job, log_folder: str, say: Listener) -> AbstractContextManager[Crew]: ...


class Cluster(NamedTuple):
    """A place where the processes of jobs run.

    ``name``: as its users know it.
    ``fixed_workers``: the number of workers that every job has here; None where a job says how many.
    """

    name: str
    open_crew: OpenCrew
    fixed_workers: int | None = None

    def workers(self, job: Job) -> int:
        """Return the number of workers that a job begins with."""
        return job.workers.count if self.fixed_workers is None else self.fixed_workers
