"""The master: calls the workers to meetings, watches who gets on, never touches a tensor.

Every worker brings its report and waits for the next command; when all reports of a meeting are in, the rounds go on.
When a member is lost the meeting is given up, and `recover` makes the crew whole enough for the rounds to go on.
"""

import time
from collections.abc import Callable, Sequence
from typing import cast

from yarnml.control.calls import Ack, Beat, Call, Follow, Meet, News, Reply, Resize, Resized, Spare, Task
from yarnml.control.commands import Behind, Command, Failed, Joined, Meeting, Prime, Report, Saved, Stop, Train, Wait
from yarnml.control.credentials import Credentials
from yarnml.control.roles import Role, Who
from yarnml.control.rpc import ControlServer
from yarnml.errors import WorkerLost
from yarnml.events.events import Event
from yarnml.job.spec import Job
from yarnml.master.locality import Locality
from yarnml.master.membership.failure_policy import Kind
from yarnml.master.membership.members import GATHER_SECONDS, WATCH_SECONDS, Cut, Dismissed, Roster
from yarnml.master.membership.processes import Processes
from yarnml.master.placement import assign
from yarnml.master.progress import Paces
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
        self._roster = Roster(job, processes, say)
        self._news = self._roster.changed
        self._meeting = Meeting(0, Wait(), {}, [])
        self._reports: dict[int, Report] = {}
        self._paces = Paces()
        self._prime: Prime | None = None
        self._coming: dict[Who, Joined] = {}
        self._unfit: dict[Who, Failed] = {}
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
        return self._paces.copied

    def assemble(self) -> None:
        """Wait until the job can start; raises what keeps it from that."""
        self._roster.gather(GATHER_SECONDS)

    def prefer(self, locality: Locality) -> None:
        self._locality = locality

    def share_local(self) -> float | None:
        return self._locality.share(self._roster.hosts("worker")) if self._locality else None

    def resize(self, call: Resize) -> Resized:
        """Have more or fewer processes from the next step on."""
        shards = self._prime.begin.shards if self._prime else self._job.shards
        if call.workers is not None and not 1 <= call.workers <= shards:
            return Resized(
                f"The job's data is cut into {shards} shards, so it can use 1 to {shards} workers, not {call.workers}; "
                "training.shards decides the model's bits and can only be set for a new job.",
                refused=True,
            )
        self._most = None if call.workers else self._most  # who says how many does not want others
        for role, count in (("worker", call.workers), ("reducer", call.reducers)):
            if count is not None:
                self._roster.resize(cast("Role", role), count, "the user asked for it")
        return Resized(self._roster.size)

    def listen(self, saved: Callable[[Saved], None]) -> None:
        self._listener = saved

    def prime(self, prime: Prime) -> None:
        self._prime = prime

    def admit(self) -> bool:
        lost = self._roster.dismiss_the_dead() | self._roster.dismiss_the_silent(self._job.workers.timeout)
        went = self._tend()
        return self._roster.take_in() or went or bool(lost)

    def peer(self, worker: int) -> str:
        return self._roster.address(Who("worker", worker))

    def dismiss(self, workers: Sequence[int], kind: Kind, why: str) -> None:
        self._roster.dismiss([Who("worker", w) for w in workers], kind, why)

    def recover(self, lost: WorkerLost) -> None:
        """Let go of who is to blame, ask for others, wait until the job can go on.

        Raises CrewLost with the newest cause after more than ``workers.max_failures`` failures.
        """
        self._call(Wait(), {}, [])
        if not isinstance(lost, Dismissed | Cut) and not self._find_the_lost():
            self._roster.count(lost)
        self._roster.gather(0.0)

    def meet(self, command: Command, shards: int) -> dict[int, Report]:
        workers = self._roster.hosts("worker")
        if not workers:
            raise Dismissed("No worker takes part any more.")
        reducers = self._roster.members("reducer") or self._roster.members("worker")
        placed = self._locality.place(workers) if self._locality else assign(shards, workers)
        self._call(command, placed, [self._roster.address(who) for who in reducers])
        while True:
            with self._news:
                if len(self._reports) < len(workers):
                    self._news.wait(WATCH_SECONDS)
                reports, saved = dict(self._reports), list(self._saved.values())
            for checkpoint in saved:
                self._listener(checkpoint)
            if tick := self._paces.tick([who.index for who in self._roster.members("worker")]):
                self._say(tick)
            failed = [r for r in reports.values() if isinstance(r, Failed)]
            if failed:
                raise cause(failed)
            if behind := [w for w, r in reports.items() if isinstance(r, Behind)]:
                self._leave_behind(behind)
                raise Cut("A worker has to catch up.")
            if len(reports) == len(workers):
                return {w: reports[w] for w in workers}
            self._watch([Who("worker", w) for w in workers if w not in reports])

    def close(self) -> None:
        """Tell everybody to stop, give them the time to hear it, and hang up."""
        self._call(Stop(), {}, [])
        self._roster.end_the_quiet()  # they don't hear it, and the server would wait for them
        self._server.shutdown()

    def _call(self, command: Command, shards: dict[int, list[int]], reducers: list[str]) -> None:
        with self._news:
            here = {w: self.peer(w) for w in shards}
            levels = self._job.reducers.levels
            self._meeting = Meeting(self._meeting.number + 1, command, shards, reducers, here, levels)
            self._reports = {}
            self._paces.begin(self._meeting)
            self._news.notify_all()

    def _answer(self, call: Call) -> Reply:
        if isinstance(call, Follow):
            return News([], None, over=False)
        if isinstance(call, Resize):
            return self.resize(call)
        with self._news:
            match call:
                case Spare():
                    shard = self._paces.spare(call)
                    if shard is not None:
                        self._news.notify_all()  # it may be news for its owner
                    return Task(shard)
                case Beat():
                    return self._hear(call)
                case Meet():
                    return self._lead(call)

    def _lead(self, call: Meet) -> Meeting:
        """The next command for who has carried out the last one."""
        who = _who(call.role, call.index)
        if not self._roster.sees(who):
            return Meeting(0, Stop(), {}, [])
        if isinstance(call.report, Joined):
            if self._prime and who.role == "worker":
                self._coming[who] = call.report
                return Meeting(call.number, self._prime, {}, [])
            self._roster.joins(who, call.report)
        elif coming := self._coming.pop(who, None):
            if isinstance(call.report, Failed):
                self._unfit[who] = call.report
            else:
                self._roster.joins(who, coming)
        elif call.number == self._meeting.number:
            self._reports[call.index] = call.report
            self._news.notify_all()
        patience = min(POLL_SECONDS, self._job.workers.timeout / 4)
        ready = self._news.wait_for(lambda: self._is_for(who, call.number), patience)
        return self._meeting if ready else Meeting(call.number, Wait(), {}, [])

    def _is_for(self, who: Who, number: int) -> bool:
        match self._meeting.command:
            case Stop():
                return True
            case Wait():
                return False
        return self._meeting.number > number and who.role == "worker" and self._roster.is_member(who)

    def _hear(self, beat: Beat) -> Ack:
        """Remember how far a worker is; answer when there is news for it."""
        who = _who(beat.role, beat.index)
        if not self._roster.sees(who):
            return Ack(self._meeting.number)
        if beat.role == "worker":
            self._paces.hear(beat.index, beat.pace)
            if beat.saved:
                self._saved[beat.index] = beat.saved
        given = self._paces.given(beat.index, beat.pace)
        self._news.wait_for(
            lambda: (
                self._meeting.number > beat.heard
                or self._paces.given(beat.index, beat.pace) != given
                or isinstance(self._meeting.command, Stop)  # nobody is held when the server is about to close
            ),
            self._beat,
        )
        return Ack(self._meeting.number, beat.pace.at, self._paces.given(beat.index, beat.pace))

    def _watch(self, awaited: Sequence[Who]) -> None:
        """Let go of members that are gone or do not get on, and give the meeting up for it."""
        roster, stall = self._roster, self._job.workers.stall
        lost = roster.dismiss_the_dead() | roster.dismiss_the_silent(self._job.workers.timeout)
        lost |= roster.rest_the_quiet(QUIET_SECONDS)
        if not lost and self._paces.still > stall:
            lost = roster.dismiss(awaited, Kind.STALLED, f"did not get on for workers.stall, {stall:.0f} s")
        if lost:
            raise Dismissed(f"{', '.join(map(str, sorted(lost)))} had to go.")
        if isinstance(self._meeting.command, Train):
            if self._job.workers.backups:
                self._leave_behind(self._paces.slow())
            if self._tend() or roster.newcomers():
                raise Cut("Others take part from now on.")

    def _tend(self) -> bool:
        """See to it that there are as many processes as there should be; whether a member had to go."""
        while self._unfit:
            who, why = self._unfit.popitem()
            self._roster.dismiss_the_unfit(who, why)
        if self._most and self._prime:
            self._roster.grow(min(self._most, self._prime.begin.shards))
        return self._roster.adjust()

    def _leave_behind(self, slow: Sequence[int]) -> None:
        """Go on without the slow, if there are others."""
        if slow and self._roster.rest_the_slow([Who("worker", w) for w in slow]):
            raise Cut(f"{', '.join(f'worker {w}' for w in slow)} is too slow.")

    def _find_the_lost(self) -> bool:
        """Wait for the news that explains a failure, and let go of whoever it blames."""
        deadline = time.monotonic() + SILENT_SECONDS
        while time.monotonic() < deadline:
            if self._roster.dismiss_the_dead() or self._roster.rest_the_quiet(HUSH_SECONDS):
                return True
            time.sleep(WATCH_SECONDS)
        return False


def _who(role: str, index: int) -> Who:
    return Who("reducer" if role == "reducer" else "worker", index)
