"""Membership of a job: its processes as they join, drop out, and are replaced.

A process that ends or falls silent is removed by name and another one is requested.  More than ``workers.max_failures``
failures end the job; what the cluster itself caused, such as preemption, is none (`failure_policy`).
"""

import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from threading import Condition

from yarnml import __version__
from yarnml.control.reports import Failed, Joined
from yarnml.control.roles import ProcessId, Role
from yarnml.errors import CrewLost, JobFileError, WorkerLost
from yarnml.events.events import Listener, ProcessJoined, Waiting, WorkerSuspended
from yarnml.job.base import BaseJob
from yarnml.master.membership.failure_policy import Exit, ExitKind, kind_of_failure
from yarnml.master.membership.fleet import Fleet
from yarnml.master.membership.liveness import Liveness
from yarnml.master.membership.processes import Processes
from yarnml.master.membership.quorum import Quorum

WATCH_INTERVAL_SECONDS = 0.2
"""Time between two looks at the processes."""

NEWCOMER_SETTLE_SECONDS = 2.0
"""Time after the newest join before a round is cut short for newcomers: often several come one after another."""

WAITING_INTERVAL_SECONDS = 10.0
"""Time between two `Waiting` events."""


class Members:
    """The processes of one job: those that have joined, and the members among them, which take part in commands.

    Threads of calls come by `heartbeat` and `join`, and hold ``changed`` then; all else is called by the thread of the
    rounds, but for `resize` and `size`.  A process that was removed never comes back: no index is used twice.

    Attributes:
        changed: guards this object, and is notified of every change.
    """

    def __init__(self, job: BaseJob, processes: Processes, say: Listener) -> None:
        self._job = job
        self._processes = processes
        self._say = say
        self.changed = Condition()
        self._fleet = Fleet(job, processes, self.changed, say)
        self._joined: dict[ProcessId, Joined] = {}
        self._members: set[ProcessId] = set()
        self._removed: set[ProcessId] = set()
        self._last_join = 0.0
        self._liveness = Liveness(time.monotonic())

    def heartbeat(self, process: ProcessId) -> bool:
        """Note a sign of life; False for a process that was removed and has to leave."""
        self._liveness.heartbeat(process, time.monotonic())
        return process not in self._removed

    def join(self, process: ProcessId, joined: Joined) -> None:
        """Note a process that has come up; while it waits to take part it says so again and again."""
        if process not in self._joined:
            self._joined[process] = joined
            self._last_join = time.monotonic()
            self._fleet.hosts.add(joined.host)
            self.changed.notify_all()

    def members(self, role: Role) -> list[ProcessId]:
        """The members of a role, by index."""
        return sorted(process for process in self._members if process.role == role)

    def address(self, process: ProcessId) -> str:
        return self._joined[process].address

    def hosts(self, role: Role) -> dict[int, str]:
        """The host of every member of a role, by index."""
        return {process.index: self._joined[process].host for process in self.members(role)}

    def wait_for_quorum(self, patience: float, look: Callable[[], object]) -> None:
        """Wait until the job can go on, then take in the processes that can take part.

        ``patience``: seconds to wait at most for the missing ones where the others would do, see `Quorum`.
        ``look``: called at every look for news; what it raises ends the waiting.

        Raises CrewLost after ``workers.wait``, and says what the cluster lacks.
        """
        began = time.monotonic()
        last_event = began
        quorum = Quorum(self._job, self._fleet.target, patience, starting=not self._members and not self._fleet.exits)
        while True:
            self.remove_exited()
            self.remove_silent(self._job.workers.timeout)
            look()
            with self.changed:
                roles = Counter(process.role for process in self._eligible())
                newest = max(began, self._last_join)
                if quorum.is_reached(roles["worker"], roles["reducer"], time.monotonic() - newest, newest - began):
                    break
                self.changed.wait(WATCH_INTERVAL_SECONDS)
            now = time.monotonic()
            if now - began > self._job.workers.wait:
                raise CrewLost(quorum.shortfall(roles["worker"], roles["reducer"], self._processes.shortage()))
            if now - last_event > WAITING_INTERVAL_SECONDS:
                last_event = now
                lack = self._processes.shortage() or quorum.lack(roles["reducer"])
                self._say(Waiting(roles["worker"], self._fleet.target["worker"], lack))
        self.admit()

    def resize(self, role: Role, count: int, why: str) -> None:
        """Set how many processes of a role there should be; `reconcile` requests or removes them."""
        self._fleet.resize(role, count, why)

    @property
    def size(self) -> str:
        """The number of processes of each role, as there should be and as have joined, in words."""
        with self.changed:
            joined = Counter(process.role for process in self._joined)
        roles = [role for role, target in self._fleet.target.items() if target or joined[role]]
        return ", ".join(f"{self._fleet.target[role]} {role}s wanted, {joined[role]} here" for role in roles)

    def reconcile(self) -> bool:
        """Request the processes that are missing and remove those that are too many; True if a member had to go.

        Newcomers go before members, and of these the newest first.
        """
        removed: set[ProcessId] = set()
        for role, target in list(self._fleet.target.items()):
            self._fleet.request_missing(role)
            with self.changed:
                joined = [process for process in self._joined if process.role == role]
                joined.sort(key=lambda process: (process in self._members, -process.index))
                surplus = joined[: max(0, len(joined) - target)]
                removed |= self._members.intersection(surplus)
            for process in surplus:
                self._release(process)
        return bool(removed)

    def grow(self, limit: int) -> None:
        """Raise the target by a few workers, up to ``limit``, where the cluster has room for them now."""
        with self.changed:
            joined = sum(process.role == "worker" for process in self._joined)
        self._fleet.grow(limit, joined)

    def admit(self) -> bool:
        """Make members of exactly the processes that can take part; True if that changes anything."""
        with self.changed:
            before = self._members
            self._members = self._eligible()
            newcomers = self._members - before
        for process in newcomers:
            version = self._joined[process].version
            if version != __version__:
                raise JobFileError(
                    f"environment: {process} runs yarnml {version}, the master {__version__}; they must be the same."
                )
        workers = len(self.members("worker"))
        if newcomers and (before or workers < self._fleet.target["worker"]):
            self._say(ProcessJoined(workers, self._fleet.target["worker"]))
        return self._members != before

    def newcomers(self) -> bool:
        """Tell whether processes have waited to take part for so long that the members should stop for them."""
        with self.changed:
            settled = time.monotonic() - self._last_join > NEWCOMER_SETTLE_SECONDS
            return bool(self._eligible() - self._members) and settled

    def suspend_silent(self, seconds: float) -> set[ProcessId]:
        """Suspend members without a heartbeat for ``seconds``, until their next one; return them."""
        with self.changed:
            overdue = self._liveness.overdue(self._members, seconds, time.monotonic())
            self._liveness.suspend_until_heartbeat(overdue)
        for process, silence in overdue.items():
            self._say(WorkerSuspended(str(process), f"gave no sign of life for {silence:.1f} s"))
        return set(overdue)

    def suspend_stragglers(self, workers: Collection[ProcessId]) -> bool:
        """Suspend slow workers for a while, a longer one each time; False where there are no other workers."""
        with self.changed:
            if not {*self.members("worker")} - {*workers}:
                return False
            self._liveness.suspend_stragglers(workers, time.monotonic())
        for worker in sorted(workers):
            self._say(WorkerSuspended(str(worker), "is several times slower than the others"))
        return True

    def kill_suspended(self) -> None:
        """Kill the processes that are suspended since they sent no heartbeats."""
        with self.changed:
            silent = self._liveness.silent(self._joined)
        for process in silent:
            self._release(process)

    def remove_exited(self) -> set[ProcessId]:
        """Remove and replace the processes that ended; return the members among them."""
        exits = {process: exit for process, exit in self._processes.exits().items() if process not in self._removed}
        members = self._members.intersection(exits)
        for process, exit in exits.items():
            self._fleet.replace(process, exit, self._release(process))
        return members

    def remove_silent(self, seconds: float) -> set[ProcessId]:
        """Remove and replace processes without a heartbeat for ``seconds``, and return them.

        Processes that run for long without ever sending one are replaced, too; no member is among these.
        """
        running = {*self._processes.running()} - self._removed
        now = time.monotonic()
        with self.changed:
            self._liveness.note_running(running, now)
            overdue = self._liveness.overdue(self._liveness.seen - self._removed, seconds, now)
            never_started = self._liveness.never_started(seconds, now)
        for process, silence in overdue.items():
            self.remove([process], ExitKind.SILENT, f"gave no sign of life for {silence:.0f} s")
        for process, since in never_started.items():
            self.remove([process], ExitKind.SILENT, f"has run for {since:.0f} s without a sign of life")
        return set(overdue)

    def remove_failed_newcomer(self, process: ProcessId, failed: Failed) -> None:
        """Remove and replace a newcomer whose warm-up failed."""
        why = f"{self._named(process)}: {failed.text}"
        kind = kind_of_failure(failed.text)
        exit = Exit(process.role, kind, why, failed.detail)
        self._fleet.replace(process, exit, self._release(process))

    def remove(self, processes: Sequence[ProcessId], kind: ExitKind, why: str) -> set[ProcessId]:
        """Remove and replace processes that run; ``why``: what each of them did, as the end of a sentence."""
        for process in processes:
            exit = Exit(process.role, kind, f"{self._named(process)} {why}")
            self._fleet.replace(process, exit, self._release(process))
        return set(processes)

    def count(self, lost: WorkerLost) -> None:
        """Note a failure that no process is to blame for; raises CrewLost when there were too many."""
        self._fleet.record(Exit("worker", ExitKind.BROKEN, str(lost), lost.detail))

    def _release(self, process: ProcessId) -> Joined | None:
        """Forget and kill a process; return what it told when it joined."""
        with self.changed:
            self._removed.add(process)
            self._members.discard(process)
            joined = self._joined.pop(process, None)
        self._fleet.release(process)
        return joined

    def _eligible(self) -> set[ProcessId]:
        return self._liveness.eligible(self._joined, time.monotonic())

    def _named(self, process: ProcessId) -> str:
        return f"{process} ({self._processes.describe(process)})"
