"""The use that the members of a job make of their machines, as their heartbeats tell it."""

import time
from collections.abc import Mapping

from msgspec.structs import astuple

from yarnml.control.calls import Usage
from yarnml.control.roles import ProcessId
from yarnml.control.usage import USAGE_SECONDS
from yarnml.events.measurements import ProcessesMeasured, ProcessUse


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
        self, hosts: Mapping[ProcessId, str], shards: Mapping[int, list[int]], copied: int, local: float | None
    ) -> ProcessesMeasured:
        """Put together what is known of the members.

        ``hosts``: by member.  ``shards``: by worker.  For the others see `ProcessesMeasured`.
        """
        self._due = time.monotonic() + USAGE_SECONDS
        self._newest = {process: usage for process, usage in self._newest.items() if process in hosts}
        processes = []
        for process, usage in sorted(self._newest.items()):
            count = len(shards.get(process.index, [])) if process.role == "worker" else 0
            processes.append(ProcessUse(process.role, process.index, hosts[process], count, *astuple(usage)))
        return ProcessesMeasured(processes, copied, local)
