"""The protocol between the master and a launcher, which starts the processes of a job on some cluster."""

from collections.abc import Collection, Mapping
from typing import Protocol

from yarnml.control.roles import ProcessId, Role
from yarnml.master.membership.failure_policy import Exit, Sizes


class Processes(Protocol):
    """A launcher of one job's processes, as the master sees it."""

    def start(self, role: Role, size: int = 0) -> None:
        """Ask for one more process; it joins when it has come up.  ``size``: which of the `sizes` of its role."""

    def sizes(self) -> Sizes:
        """Return the memory sizes of each role."""

    def avoid(self, host: str) -> None:
        """Keep new processes away from this host from now on, as far as that can be had."""

    def kill(self, process: ProcessId) -> None:
        """Make sure that this process is gone."""

    def exits(self) -> Mapping[ProcessId, Exit]:
        """Return the exits of all processes that have ended so far; those after a `kill` may be among them."""

    def running(self) -> Collection[ProcessId]:
        """Return the processes that run or ran, as far as that is known."""

    def describe(self, process: ProcessId) -> str:
        """Tell a person where to look at a process."""

    def available(self, role: Role, limit: int) -> int:
        """Count the further processes, ``limit`` at most, that the cluster would start now."""

    def shortage(self) -> str:
        """Say what keeps the requested processes from starting; empty where that is not known."""
