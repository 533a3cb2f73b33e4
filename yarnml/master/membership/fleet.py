"""The fleet of a job: how many processes there should be, requests for them, and what follows from their exits."""

import time
from dataclasses import replace
from threading import Condition

from yarnml.control.reports import Joined
from yarnml.control.roles import ProcessId, Role
from yarnml.errors import CrewLost, JobFileError
from yarnml.events.events import Listener, ProcessLost, SizeChanged
from yarnml.job.base import BaseJob
from yarnml.master.membership.autoscaler import Autoscaler
from yarnml.master.membership.failure_policy import Exit, Replace, Stop, decide, size_of
from yarnml.master.membership.processes import Processes


class Fleet:
    """Carries out at the launcher what the autoscaler and the failure policy decide.

    Attributes:
        target: how many processes of each role there should be.
        exits: all exits so far, the newest last.
        hosts: of all processes that ever joined.

    Args:
        changed: guards ``target``, ``hosts`` and the number of requests, which threads of calls reach, too.
    """

    def __init__(self, job: BaseJob, processes: Processes, changed: Condition, say: Listener) -> None:
        self._job = job
        self._processes = processes
        self._changed = changed
        self._say = say
        self._autoscaler = Autoscaler(job, time.monotonic())
        self.target = self._autoscaler.target
        self.exits: list[Exit] = []
        self.hosts: set[str] = set()

    def resize(self, role: Role, count: int, why: str) -> None:
        """Set how many processes of a role there should be, and tell the user ``why``; nothing is started or ended."""
        with self._changed:
            before = self.target[role]
            self.target[role] = count
            self._changed.notify_all()
        if count != before:
            self._say(SizeChanged(role, before, count, why))

    def grow(self, limit: int, joined: int) -> None:
        """Raise the target by a few workers, up to ``limit``, where the cluster has room for them now.

        ``joined``: the workers that have joined.
        """
        with self._changed:
            growth = self._autoscaler.growth(limit, joined, time.monotonic())
        if growth and (available := self._processes.available("worker", growth)):
            self.resize("worker", self.target["worker"] + available, "the cluster has room")

    def request_missing(self, role: Role) -> None:
        """Request as many processes of a role as are missing to the target."""
        for _ in range(self._autoscaler.missing(role)):
            self._request(role, size_of(self.exits, role, self._processes.sizes()))

    def release(self, process: ProcessId) -> None:
        """Kill a process that counts no longer."""
        with self._changed:
            self._autoscaler.requested[process.role] -= 1
        self._processes.kill(process)

    def replace(self, process: ProcessId, exit: Exit, joined: Joined | None) -> None:
        """Note the exit of a process that was released, and request another one if that is still wanted.

        ``joined``: what the process told when it joined, None where it has not.
        """
        decision = self.record(
            replace(
                exit,
                host=exit.host or (joined.host if joined else ""),
                joined=joined is not None,
                replaces=self._is_replacement(process),
            )
        )
        if decision.avoid:
            self._processes.avoid(decision.avoid)
        if not exit.kind.counts and exit.role == "worker" and self._autoscaler.should_shrink(time.monotonic()):
            self.resize("worker", self.target["worker"] - 1, "the cluster took one back")
        if self._autoscaler.missing(exit.role):
            self._request(exit.role, decision.size)

    def record(self, exit: Exit) -> Replace:
        """Note an exit and decide what follows; raises the error that ends the job, CrewLost or JobFileError."""
        self.exits.append(exit)
        with self._changed:
            hosts = frozenset(self.hosts)
        decision = decide(self.exits, self._job.workers.max_failures, hosts=hosts, sizes=self._processes.sizes())
        if isinstance(decision, Stop):
            raise (JobFileError if decision.environment else CrewLost)(decision.words, exit.log)
        self._say(ProcessLost(decision.words))
        return decision

    def _is_replacement(self, process: ProcessId) -> bool:
        """Tell whether a process was requested after the job's start: those of the start have the first indices."""
        first = self._job.workers.count if process.role == "worker" else self._job.reducers.count
        return process.index >= first

    def _request(self, role: Role, size: int) -> None:
        with self._changed:
            self._autoscaler.requested[role] += 1
        self._processes.start(role, size)
