"""The cluster as the rounds see it: a crew of workers that carries out commands together."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from yarnml.control.commands import Command, WarmUp
from yarnml.control.reports import Report, Saved
from yarnml.errors import WorkerLost
from yarnml.events.events import Listener
from yarnml.job.base import BaseJob
from yarnml.master.locality import Locality
from yarnml.master.membership.failure_policy import ExitKind


class CrewStats(NamedTuple):
    """The statistics of a crew so far.

    ``copied_tasks``: tasks of which a copy was computed besides.
    ``local_share``: of the training bytes, how many are on the host of their worker; None where that is not known.
    """

    copied_tasks: int = 0
    local_share: float | None = None


def ignore(saved: Saved) -> None:
    """Take no notice of a checkpoint that was written beside."""


class Crew(Protocol):
    """The workers of one job."""

    @property
    def stats(self) -> CrewStats: ...

    @property
    def time_limit(self) -> str:
        """A sentence once the training has to be left at a checkpoint, since the cluster gives no more time for now."""

    def run(self, command: Command, shards: int, on_saved: Callable[[Saved], None] = ignore) -> dict[int, Report]:
        """Have every worker carry out a command, and return their reports, by worker.

        Raises the YarnmlError that made the command fail, or WorkerLost with the process and its end.

        Args:
            shards: into which the training data is cut; every worker has a part of them.
            on_saved: called with every report that comes meanwhile of a checkpoint that a worker has written beside
                the training.
        """

    def warm_up(self, warm_up: WarmUp) -> None:
        """From now on have newcomers get ready by this before they take part."""

    def admit(self) -> bool:
        """Take in workers that came since the last barrier, or suspend others; True if that changes anything."""

    def peer(self, worker: int) -> str:
        """Return the address at which the state of a worker can be fetched."""

    def remove(self, workers: Sequence[int], kind: ExitKind, why: str) -> None:
        """Remove these workers, for what they did, and ask for others."""

    def recover(self, lost: WorkerLost) -> None:
        """Make the crew whole enough to go on after a lost process; raises WorkerLost where that can't be."""


class OpenCrew(Protocol):
    """Opens a crew for a job and clears it away at the end, whatever happened."""

    def __call__(
        self, job: BaseJob, log_folder: str, say: Listener, locality: Locality | None = None
    ) -> AbstractContextManager[Crew]:
        """Start the processes.  ``locality``: by which workers get shards that are near to them; None: by number."""


class Cluster(NamedTuple):
    """A place where the processes of jobs run.

    ``name``: as its users know it.
    ``fixed_workers``: the number of workers that every job has here; None where a job says how many.
    ``host``: the address of this process on which others may reach it.
    ``submitter``: who sent the job here, in words; empty where only this machine's user can have.
    """

    name: str
    open_crew: OpenCrew
    fixed_workers: int | None = None
    host: str = "127.0.0.1"
    submitter: str = ""

    def workers(self, job: BaseJob) -> int:
        """Return the number of workers that a job begins with."""
        return job.workers.count if self.fixed_workers is None else self.fixed_workers
