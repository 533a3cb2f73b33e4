"""The master: calls the workers to meetings, watches who gets on, never touches a tensor.

Every worker brings its report and waits for the next command; when all reports of a meeting are in, the rounds go on.
When a member is lost the meeting is given up, and `recover` makes the crew whole enough for the rounds to go on.
"""

import time
from collections.abc import Callable, Sequence
from typing import cast

from yarnml.control.calls import (
    Call,
    EventBatch,
    FollowEvents,
    Heartbeat,
    HeartbeatReply,
    Poll,
    Reply,
    RequestBackup,
    Resize,
    Resized,
    Task,
)
from yarnml.control.commands import (
    Assignment,
    Command,
    Failed,
    FellBehind,
    Idle,
    Joined,
    Report,
    Saved,
    Stop,
    Train,
    WarmUp,
)
from yarnml.control.credentials import Credentials
from yarnml.control.roles import ProcessId, Role
from yarnml.control.rpc import ControlServer
from yarnml.errors import WorkerLost
from yarnml.events.events import Event
from yarnml.job.spec import Job
from yarnml.master.locality import Locality
from yarnml.master.membership.failure_policy import ExitKind
from yarnml.master.membership.members import GATHER_SECONDS, WATCH_SECONDS, MemberLost, Members, MembershipChanged
from yarnml.master.membership.processes import Processes
from yarnml.master.placement import assign
from yarnml.master.progress import ProgressTable
from yarnml.master.reports import cause

POLL_SECONDS = 5.0  # longest time a call is held; shorter where workers.timeout is
BEAT_SECONDS = 0.5  # that a beat is held while there is no news: its sender beats again with the answer
QUIET_SECONDS = 5.0  # without a beat, after which a meeting goes on without its sender
HUSH_SECONDS = 2.0  # the same, once a stream has broken
SILENT_SECONDS = 6.0  # after a failure: how long to look for who caused it


class Master:
    """Leads the meetings of one job; a `yarnml.master.crew.Crew`."""

    def __init__(
        self, job: Job, processes: Processes, host: str, credentials: Credentials, say: Callable[[Event], None]
    ) -> None:
        self._job, self._say = job, say
        self._members = Members(job, processes, say)
        self._news = self._members.changed
        self._assignment = Assignment(0, Idle(), {}, [])
        self._reports: dict[int, Report] = {}
        self._progress = ProgressTable()
        self._warm_up: WarmUp | None = None
        self._coming: dict[ProcessId, Joined] = {}
        self._unfit: dict[ProcessId, Failed] = {}
        self._locality: Locality | None = None
        self._saved: dict[int, Saved] = {}  # the newest that each worker has written beside
        self._listener: Callable[[Saved], None] = lambda saved: None
        self._most = job.workers.max
        self._beat = min(BEAT_SECONDS, job.workers.timeout / 8)
        self._server = ControlServer(self._answer, host, credentials)
        self.address = self._server.address

    @property
    def traffic(self) -> tuple[int, int]:
        """Calls answered, and bytes that came and went in them."""
        return self._server.calls, self._server.bytes_in + self._server.bytes_out

    @property
    def copied(self) -> int:
        return self._progress.copied

    def assemble(self) -> None:
        """Wait until the job can start; raises what keeps it from that."""
        self._members.wait_for_quorum(GATHER_SECONDS)

    def prefer(self, locality: Locality) -> None:
        self._locality = locality

    def share_local(self) -> float | None:
        return self._locality.share(self._members.hosts("worker")) if self._locality else None

    def resize(self, call: Resize) -> Resized:
        """Have more or fewer processes from the next step on."""
        shards = self._warm_up.begin.shards if self._warm_up else self._job.shards
        if call.workers is not None and not 1 <= call.workers <= shards:
            return Resized(
                f"The job's data is cut into {shards} shards, so it can use 1 to {shards} workers, not {call.workers}; "
                "training.shards decides the model's bits and can only be set for a new job.",
                refused=True,
            )
        self._most = None if call.workers else self._most  # who says how many does not want others
        for role, count in (("worker", call.workers), ("reducer", call.reducers)):
            if count is not None:
                self._members.resize(cast("Role", role), count, "the user asked for it")
        return Resized(self._members.size)

    def listen(self, saved: Callable[[Saved], None]) -> None:
        self._listener = saved

    def warm_up(self, warm_up: WarmUp) -> None:
        self._warm_up = warm_up

    def admit(self) -> bool:
        lost = self._members.remove_exited() | self._members.remove_silent(self._job.workers.timeout)
        went = self._tend()
        return self._members.admit() or went or bool(lost)

    def peer(self, worker: int) -> str:
        return self._members.address(ProcessId("worker", worker))

    def dismiss(self, workers: Sequence[int], kind: ExitKind, why: str) -> None:
        self._members.dismiss([ProcessId("worker", w) for w in workers], kind, why)

    def recover(self, lost: WorkerLost) -> None:
        """Let go of who is to blame, ask for others, wait until the job can go on.

        Raises CrewLost with the newest cause after more than ``workers.max_failures`` failures.
        """
        self._call(Idle(), {}, [])
        if not isinstance(lost, MemberLost | MembershipChanged) and not self._find_the_lost():
            self._members.count(lost)
        self._members.wait_for_quorum(0.0)

    def run(self, command: Command, shards: int) -> dict[int, Report]:
        workers = self._members.hosts("worker")
        if not workers:
            raise MemberLost("No worker takes part any more.")
        reducers = self._members.members("reducer") or self._members.members("worker")
        placed = self._locality.place(workers) if self._locality else assign(shards, workers)
        self._call(command, placed, [self._members.address(who) for who in reducers])
        while True:
            with self._news:
                if len(self._reports) < len(workers):
                    self._news.wait(WATCH_SECONDS)
                reports, saved = dict(self._reports), list(self._saved.values())
            for checkpoint in saved:
                self._listener(checkpoint)
            if tick := self._progress.tick([who.index for who in self._members.members("worker")]):
                self._say(tick)
            failed = [r for r in reports.values() if isinstance(r, Failed)]
            if failed:
                raise cause(failed)
            if behind := [w for w, r in reports.items() if isinstance(r, FellBehind)]:
                self._leave_behind(behind)
                raise MembershipChanged("A worker has to catch up.")
            if len(reports) == len(workers):
                return {w: reports[w] for w in workers}
            self._watch([ProcessId("worker", w) for w in workers if w not in reports])

    def close(self) -> None:
        """Tell everybody to stop, give them the time to hear it, and hang up."""
        self._call(Stop(), {}, [])
        self._members.kill_suspended()  # they don't hear it, and the server would wait for them
        self._server.shutdown()

    def _call(self, command: Command, shards: dict[int, list[int]], reducers: list[str]) -> None:
        with self._news:
            here = {w: self.peer(w) for w in shards}
            levels = self._job.reducers.levels
            self._assignment = Assignment(self._assignment.generation + 1, command, shards, reducers, here, levels)
            self._reports = {}
            self._progress.begin(self._assignment)
            self._news.notify_all()

    def _answer(self, call: Call) -> Reply:
        if isinstance(call, FollowEvents):
            return EventBatch([], None, over=False)
        if isinstance(call, Resize):
            return self.resize(call)
        with self._news:
            match call:
                case RequestBackup():
                    shard = self._progress.spare(call)
                    if shard is not None:
                        self._news.notify_all()  # it may be news for its owner
                    return Task(shard)
                case Heartbeat():
                    return self._hear(call)
                case Poll():
                    return self._lead(call)

    def _lead(self, call: Poll) -> Assignment:
        """The next command for who has carried out the last one."""
        who = _who(call.role, call.index)
        if not self._members.heartbeat(who):
            return Assignment(0, Stop(), {}, [])
        if isinstance(call.report, Joined):
            if self._warm_up and who.role == "worker":
                self._coming[who] = call.report
                return Assignment(call.generation, self._warm_up, {}, [])
            self._members.join(who, call.report)
        elif coming := self._coming.pop(who, None):
            if isinstance(call.report, Failed):
                self._unfit[who] = call.report
            else:
                self._members.join(who, coming)
        elif call.generation == self._assignment.generation:
            self._reports[call.index] = call.report
            self._news.notify_all()
        patience = min(POLL_SECONDS, self._job.workers.timeout / 4)
        ready = self._news.wait_for(lambda: self._is_for(who, call.generation), patience)
        return self._assignment if ready else Assignment(call.generation, Idle(), {}, [])

    def _is_for(self, who: ProcessId, generation: int) -> bool:
        match self._assignment.command:
            case Stop():
                return True
            case Idle():
                return False
        return self._assignment.generation > generation and who.role == "worker" and self._members.is_member(who)

    def _hear(self, beat: Heartbeat) -> HeartbeatReply:
        """Remember how far a worker is; answer when there is news for it."""
        who = _who(beat.role, beat.index)
        if not self._members.heartbeat(who):
            return HeartbeatReply(self._assignment.generation)
        if beat.role == "worker":
            self._progress.hear(beat.index, beat.progress)
            if beat.saved:
                self._saved[beat.index] = beat.saved
        given = self._progress.given(beat.index, beat.progress)
        self._news.wait_for(
            lambda: (
                self._assignment.generation > beat.heard
                or self._progress.given(beat.index, beat.progress) != given
                or isinstance(self._assignment.command, Stop)  # nobody is held when the server is about to close
            ),
            self._beat,
        )
        return HeartbeatReply(
            self._assignment.generation, beat.progress.at, self._progress.given(beat.index, beat.progress)
        )

    def _watch(self, awaited: Sequence[ProcessId]) -> None:
        """Let go of members that are gone or do not get on, and give the meeting up for it."""
        members, stall = self._members, self._job.workers.stall
        lost = members.remove_exited() | members.remove_silent(self._job.workers.timeout)
        lost |= members.suspend_silent(QUIET_SECONDS)
        if not lost and self._progress.still > stall:
            lost = members.dismiss(awaited, ExitKind.STALLED, f"did not get on for workers.stall, {stall:.0f} s")
        if lost:
            raise MemberLost(f"{', '.join(map(str, sorted(lost)))} had to go.")
        if isinstance(self._assignment.command, Train):
            if self._job.workers.backups:
                self._leave_behind(self._progress.slow())
            if self._tend() or members.newcomers():
                raise MembershipChanged("Others take part from now on.")

    def _tend(self) -> bool:
        """See to it that there are as many processes as there should be; whether a member had to go."""
        while self._unfit:
            who, why = self._unfit.popitem()
            self._members.remove_failed_newcomer(who, why)
        if self._most and self._warm_up:
            self._members.grow(min(self._most, self._warm_up.begin.shards))
        return self._members.adjust()

    def _leave_behind(self, slow: Sequence[int]) -> None:
        """Go on without the slow, if there are others."""
        if slow and self._members.suspend_stragglers([ProcessId("worker", w) for w in slow]):
            raise MembershipChanged(f"{', '.join(f'worker {w}' for w in slow)} is too slow.")

    def _find_the_lost(self) -> bool:
        """Wait for the news that explains a failure, and let go of whoever it blames."""
        deadline = time.monotonic() + SILENT_SECONDS
        while time.monotonic() < deadline:
            if self._members.remove_exited() or self._members.suspend_silent(HUSH_SECONDS):
                return True
            time.sleep(WATCH_SECONDS)
        return False


def _who(role: str, index: int) -> ProcessId:
    return ProcessId("reducer" if role == "reducer" else "worker", index)
