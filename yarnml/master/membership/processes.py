"""What the master asks of whoever starts the processes of a job."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from yarnml.control.roles import ProcessId, Role
from yarnml.master.membership.failure_policy import ExitKind, Sizes


@dataclass(frozen=True)
class Ended:
    """A process that ended before it was told to: how, the same in words, and the end of its log.

    ``host``: where it ran, empty where that is not known.  ``size``: which of the memory sizes of its role it had.
    """

    who: ProcessId
    kind: ExitKind
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

    def end(self, who: ProcessId) -> None:
        """Make sure that this process is gone."""

    def ended(self) -> Sequence[Ended]:
        """All processes that ended so far."""

    def up(self) -> Collection[ProcessId]:
        """Those whose processes run, as far as that is known, or ran."""

    def describe(self, who: ProcessId) -> str:
        """Where a process runs, for a person who wants to look at it."""

    def room(self, role: Role, most: int) -> int:
        """How many more, ``most`` at most, the cluster would start now."""

    def wanting(self) -> str:
        """What keeps the processes that were asked for from starting; empty where that is not known."""
