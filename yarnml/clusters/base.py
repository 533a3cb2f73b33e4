"""What the rounds need of a cluster, a crew that carries out commands together; and what the master needs of one."""

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

from yarnml.errors import WorkerLost
from yarnml.events import Event
from yarnml.failures import Kind, Sizes
from yarnml.job import Job
from yarnml.locality import Locality
from yarnml.meetings import Command, Prime, Report, Saved

Role = Literal["worker", "reducer"]


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

    def prime(self, prime: Prime) -> None:
        """From now on have newcomers get ready by this before they take part."""

    def meet(self, command: Command, shards: int) -> dict[int, Report]:
        """Have every worker carry out ``command`` on its part of ``shards``; their reports, by worker.

        Raises the YarnmlError that made the command fail, or WorkerLost with the process and its end.
        """

    def peer(self, worker: int) -> str:
        """Where this worker's state can be fetched."""

    def dismiss(self, workers: Sequence[int], kind: Kind, why: str) -> None:
        """Let go of these workers, for what they did, and ask for others."""

    def recover(self, lost: WorkerLost) -> None:
        """After a lost process, make the crew whole enough to go on; raises WorkerLost where that can't be."""

    def admit(self) -> bool:
        """Take in workers that came since the last meeting, or let others rest; whether that changes anything."""


class Cluster(Protocol):
    """Opens a crew for a job and clears it away at the end, whatever happened."""

    def __call__(self, job: Job, log_folder: str, say: Callable[[Event], None]) -> AbstractContextManager[Crew]: ...


@dataclass(frozen=True, order=True)
class Who:
    """One process of a job.  An index is never used twice."""

    role: Role
    index: int

    def __str__(self) -> str:
        return f"{self.role} {self.index}"


@dataclass(frozen=True)
class Ended:
    """A process that ended before it was told to: how, the same in words, and the end of its log.

    ``host``: where it ran, empty where that is not known.  ``size``: which of the memory sizes of its role it had.
    """

    who: Who
    kind: Kind
    cause: str
    log: str
    host: str = ""
    size: int = 0


class Processes(Protocol):
    """What the master asks of whoever starts the processes."""

    def start(self, role: Role, size: int = 0) -> None:
        """Ask for one more process, with this one of the ``sizes`` of its role; it joins when it has come up."""

    def sizes(self) -> Sizes:
        """By role, the memory that a process can be asked for with, in words; what the job file says comes first."""

    def avoid(self, host: str) -> None:
        """From now on keep new processes away from this host, as far as that can be had."""

    def end(self, who: Who) -> None:
        """Make sure that this process is gone."""

    def ended(self) -> Sequence[Ended]:
        """All processes that ended so far."""

    def up(self) -> Collection[Who]:
        """Those whose processes run, as far as that is known, or ran."""

    def describe(self, who: Who) -> str:
        """Where a process runs, for a person who wants to look at it."""

    def room(self, role: Role, most: int) -> int:
        """How many more, ``most`` at most, the cluster would start now."""

    def wanting(self) -> str:
        """What keeps the processes that were asked for from starting; empty where that is not known."""
