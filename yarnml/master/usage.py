"""The use that the members of a job make of their machines, as their heartbeats tell it."""

import time
from collections.abc import Callable, Mapping

from msgspec.structs import astuple

from yarnml.control.calls import Usage
from yarnml.control.roles import ProcessId, Role
from yarnml.control.usage import USAGE_SECONDS
from yarnml.events.measurements import ProcessesMeasured, ProcessUse

ROLES: tuple[Role, ...] = ("worker", "reducer")


class UsageTable:
    """The newest measurement of every process.  Guarded by its owner."""

    def __init__(self) -> None:
        self._newest: dict[ProcessId, Usage] = {}
        self._due = time.monotonic() + USAGE_SECONDS

    def hear(self, process: ProcessId, usage: Usage) -> None:
        self._newest[process] = usage

    @property
    def is_due(self) -> bool:
        """True once there is something to tell, now and then."""
        return bool(self._newest) and time.monotonic() >= self._due

    def tell(
        self,
        hosts_of: Callable[[Role], Mapping[int, str]],
        shards: Mapping[int, list[int]],
        copied: int,
        local: float | None,
    ) -> ProcessesMeasured:
        """Put together what is known of the members.

        ``hosts_of``: gives the host of every member of a role.  ``shards``: by worker.  For the others see
        `ProcessesMeasured`.
        """
        hosts = {ProcessId(role, index): host for role in ROLES for index, host in hosts_of(role).items()}
        self._due = time.monotonic() + USAGE_SECONDS
        self._newest = {process: usage for process, usage in self._newest.items() if process in hosts}
        processes = []
        for process, usage in sorted(self._newest.items()):
            count = len(shards.get(process.index, [])) if process.role == "worker" else 0
            processes.append(ProcessUse(process.role, process.index, hosts[process], count, *astuple(usage)))
        return ProcessesMeasured(processes, copied, local)
