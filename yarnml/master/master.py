"""The master of a job's processes: gives them commands, watches them, recovers from losses.  It holds no tensor.

Every worker brings its report and waits for the next command; when all reports of a barrier are in, the rounds go on.
When a member is lost the barrier is given up, and `Master.recover` makes the crew whole enough to go on.
"""

import time
from collections.abc import Callable, Mapping, Sequence

from yarnml.control.calls import Resize, Resized
from yarnml.control.commands import Command, EvaluateModel, Idle, Predict, Stop, Train, WarmUp
from yarnml.control.credentials import Credentials
from yarnml.control.reports import Failed, FellBehind, Report, Saved
from yarnml.control.roles import ProcessId, Role
from yarnml.control.rpc import ControlServer
from yarnml.errors import WorkerLost
from yarnml.events.events import Listener
from yarnml.job.base import BaseJob
from yarnml.master.barrier import Barrier
from yarnml.master.crew import CrewStats, ignore
from yarnml.master.locality import Locality
from yarnml.master.membership.failure_policy import ExitKind
from yarnml.master.membership.members import WATCH_INTERVAL_SECONDS, Members
from yarnml.master.membership.processes import Processes
from yarnml.master.placement import assign
from yarnml.master.progress import ProgressTable
from yarnml.master.reports import cause
from yarnml.master.service import ControlService
from yarnml.master.usage import UsageTable

START_PATIENCE_SECONDS = 15.0
"""Longest time without a newcomer that a job which could start waits for the processes that are missing."""

SUSPEND_AFTER_SECONDS = 5.0
"""Seconds without a heartbeat after which the others go on without a member."""

SUSPEND_AFTER_BREAK_SECONDS = 2.0
"""The time that takes the place of `SUSPEND_AFTER_SECONDS` once a stream has broken: some process is gone or hangs."""

BLAME_SECONDS = 6.0
"""How long to look for the process that caused a failure."""


class MemberLost(WorkerLost):
    """A barrier is given up because of members that were removed or suspended."""


class MembershipChanged(WorkerLost):
    """A barrier ends early because other workers take part from now on; no process is to blame."""


class Master:
    """Leads the processes of one job; a `yarnml.master.crew.Crew`.

    The thread of the rounds calls all methods but `resize`, which also comes in the thread of a call.  The threads of
    calls share members, barrier and progress with it (`ControlService`): whatever both change is guarded by the
    members' condition ``changed``, which also wakes the other side.

    Args:
        host: this machine, as the processes reach it.
        locality: where the training bytes are; None: shards are placed by their numbers alone.
        time_limit: says why there is no more time; empty as long as there is.
    """

    def __init__(
        self,
        job: BaseJob,
        processes: Processes,
        host: str,
        credentials: Credentials,
        say: Listener,
        locality: Locality | None = None,
        time_limit: Callable[[], str] = str,
    ) -> None:
        self._job = job
        self._say = say
        self._members = Members(job, processes, say)
        self._changed = self._members.changed
        self._barrier = Barrier(job.reducers.levels)
        self._progress = ProgressTable()
        self._usage = UsageTable()
        self._locality = locality
        self._time_limit = time_limit
        self._growth_limit = job.workers.max or 0
        self._shards = job.shards  # of the newest command, once there was one
        self._service = ControlService(
            self._members, self._barrier, self._progress, self._usage, job.workers.timeout, resize=self.resize
        )
        self._server = ControlServer(self._service.answer, host, credentials)
        self.address = self._server.address

    @property
    def traffic(self) -> tuple[int, int]:
        """Calls answered, and bytes that came and went in them."""
        return self._server.calls, self._server.bytes_in + self._server.bytes_out

    @property
    def stats(self) -> CrewStats:
        hosts = self._members.hosts("worker")
        return CrewStats(self._progress.copied, self._locality.share(hosts) if self._locality else None)

    @property
    def time_limit(self) -> str:
        return self._time_limit()

    def assemble(self) -> None:
        """Wait until the job can start; raises what keeps it from that."""
        self._members.wait_for_quorum(START_PATIENCE_SECONDS, self._remove_failed_newcomers)

    def resize(self, call: Resize) -> Resized:
        """Change the number of processes from the next step on."""
        shards = self._shards
        if call.workers is not None and not 1 <= call.workers <= shards:
            return Resized(
                f"The job's data is cut into {shards} shards, so it can use 1 to {shards} workers, not {call.workers}; "
                "their number decides the bits of the result and can only be set for a new job.",
                refused=True,
            )
        if call.workers:
            self._growth_limit = 0  # a user who says how many workers does not want more of them later
        counts: dict[Role, int | None] = {"worker": call.workers, "reducer": call.reducers}
        for role, count in counts.items():
            if count is not None:
                self._members.resize(role, count, f"{call.user} asked for it")
        return Resized(self._members.size)

    def warm_up(self, warm_up: WarmUp) -> None:
        self._service.warm_up = warm_up

    def admit(self) -> bool:
        lost = self._members.remove_exited() | self._members.remove_silent(self._job.workers.timeout)
        removed = self._reconcile()
        return self._members.admit() or removed or bool(lost)

    def peer(self, worker: int) -> str:
        return self._members.address(ProcessId("worker", worker))

    def remove(self, workers: Sequence[int], kind: ExitKind, why: str) -> None:
        self._members.remove(_process_ids(workers), kind, why)

    def recover(self, lost: WorkerLost) -> None:
        """Remove the process that caused a loss, ask for another one, wait until the job can go on.

        Raises CrewLost with the newest cause after more than ``workers.max_failures`` failures.
        """
        self._begin(Idle())
        if not isinstance(lost, MemberLost | MembershipChanged) and not self._remove_cause():
            self._members.count(lost)
        self._members.wait_for_quorum(0.0, self._remove_failed_newcomers)

    def run(self, command: Command, shards: int, on_saved: Callable[[Saved], None] = ignore) -> dict[int, Report]:
        workers = self._members.hosts("worker")
        if not workers:
            raise MemberLost("No worker takes part any more.")
        reducers = self._members.members("reducer") or self._members.members("worker")
        self._shards = shards
        placed = self._locality.place(workers) if self._locality else assign(shards, workers)
        self._begin(command, placed, [self._members.address(reducer) for reducer in reducers])
        while True:
            with self._changed:
                if not self._barrier.complete:
                    self._changed.wait(WATCH_INTERVAL_SECONDS)  # not longer: the end of a process notifies nobody
                reports = self._barrier.reports
                missing = self._barrier.missing
            for saved in self._service.take_saved():
                on_saved(saved)
            self._tell_progress(is_over=not missing)
            if failed := [report for report in reports.values() if isinstance(report, Failed)]:
                raise cause(failed)
            if behind := [worker for worker, report in reports.items() if isinstance(report, FellBehind)]:
                self._suspend_stragglers(behind)
                raise MembershipChanged("A worker has to catch up.")
            if not missing:
                return reports
            self._watch(missing)

    def close(self) -> None:
        """Tell all processes to stop, give them the time to hear it, and close the server."""
        self._begin(Stop())
        self._members.kill_suspended()  # they don't hear it, and the server would wait for them
        self._server.shutdown()

    def _begin(
        self, command: Command, shards: Mapping[int, list[int]] | None = None, reducers: Sequence[str] = ()
    ) -> None:
        with self._changed:
            addresses = {worker: self.peer(worker) for worker in shards or {}}
            self._progress.begin(self._barrier.begin(command, shards, reducers, addresses))
            self._changed.notify_all()

    def _tell_progress(self, *, is_over: bool) -> None:
        for event in self._progress.news(self._members.hosts("worker"), is_over=is_over):
            self._say(event)
        if self._usage.is_due:
            with self._changed:
                measured = self._usage.tell(self._members.hosts, self._barrier.assignment.shards, *self.stats)
            self._say(measured)

    def _watch(self, missing: Sequence[int]) -> None:
        """Remove or suspend members that are gone, silent or stalled, and give the barrier up for that.

        ``missing``: the workers whose reports are awaited.
        """
        stall = self._job.workers.stall
        lost = self._members.remove_exited() | self._members.remove_silent(self._job.workers.timeout)
        lost |= self._members.suspend_silent(SUSPEND_AFTER_SECONDS)
        if not lost and self._progress.idle_seconds > stall:
            why = f"did not get on for workers.stall, {stall:.0f} s"
            lost = self._members.remove(_process_ids(missing), ExitKind.STALLED, why)
        if lost:
            raise MemberLost(f"{', '.join(map(str, sorted(lost)))} had to go.")
        # Only between steps, and between files, is a change of membership cheap: other commands would begin anew.
        if isinstance(self._barrier.assignment.command, Train | Predict | EvaluateModel):
            if self._time_limit():
                raise MembershipChanged("The steps of this round are cut short, since there is no more time.")
            if self._job.workers.backups:
                self._suspend_stragglers(self._progress.stragglers())
            if self._reconcile() or self._members.newcomers():
                raise MembershipChanged("Others take part from now on.")

    def _reconcile(self) -> bool:
        """Bring the number of processes to its target; True if a member had to go."""
        self._remove_failed_newcomers()
        self._members.grow(min(self._growth_limit, self._shards))
        return self._members.reconcile()

    def _remove_failed_newcomers(self) -> None:
        while newcomer := self._service.take_failed_newcomer():
            self._members.remove_failed_newcomer(*newcomer)

    def _suspend_stragglers(self, workers: Sequence[int]) -> None:
        """Suspend slow workers and give the barrier up, if there are other workers."""
        if workers and self._members.suspend_stragglers(_process_ids(workers)):
            raise MembershipChanged(f"{', '.join(f'worker {w}' for w in workers)} is too slow.")

    def _remove_cause(self) -> bool:
        """Wait for the news that explains a failure and remove the process behind it; False if there is none.

        A broken stream is often seen before the end of the process at its other side.
        """
        deadline = time.monotonic() + BLAME_SECONDS
        while time.monotonic() < deadline:
            if self._members.remove_exited() or self._members.suspend_silent(SUSPEND_AFTER_BREAK_SECONDS):
                return True
            time.sleep(WATCH_INTERVAL_SECONDS)
        return False


def _process_ids(workers: Sequence[int]) -> list[ProcessId]:
    return [ProcessId("worker", worker) for worker in workers]
