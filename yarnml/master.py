"""The master: calls the workers to meetings, watches who gets on, never touches a tensor.

Every worker brings its report and waits for the next command; when all reports of a meeting are in, the rounds go on.
When a member is lost the meeting is given up, and `recover` makes the crew whole enough for the rounds to go on.
"""

import time
from collections.abc import Callable, Sequence

from yarnml.clusters.base import Processes, Who
from yarnml.errors import WorkerLost, YarnmlError, named
from yarnml.events import Event, Tick
from yarnml.job import Job
from yarnml.locality import Locality
from yarnml.messages import (
    Ack,
    Beat,
    Call,
    Command,
    Failed,
    Follow,
    Joined,
    Meeting,
    News,
    Reply,
    Report,
    Stop,
    Wait,
)
from yarnml.roster import GATHER_SECONDS, WATCH_SECONDS, Dismissed, Roster
from yarnml.transport.control import ControlServer
from yarnml.transport.security import Credentials
from yarnml.tree import assign

POLL_SECONDS = 5.0  # longest time a call is held
SILENT_SECONDS = 6.0  # after a failure: how long to look for who caused it


class Master:
    """Leads the meetings of one job; a `yarnml.clusters.base.Crew`."""

    def __init__(
        self, job: Job, processes: Processes, host: str, credentials: Credentials, say: Callable[[Event], None]
    ) -> None:
        self._job, self._say = job, say
        self._roster = Roster(job, processes, say)
        self._news = self._roster.changed
        self._meeting = Meeting(0, Wait(), {}, [])
        self._reports: dict[int, Report] = {}
        self._beats: dict[int, Beat] = {}  # of the workers
        self._moved = time.monotonic()
        self._told = 0
        self._locality: Locality | None = None
        self._server = ControlServer(self._answer, host, credentials)
        self.address = self._server.address

    @property
    def traffic(self) -> tuple[int, int]:
        """Calls answered, and bytes that came and went in them."""
        return self._server.calls, self._server.bytes_in + self._server.bytes_out

    def assemble(self) -> None:
        """Wait until the job can start; raises what keeps it from that."""
        self._roster.gather(GATHER_SECONDS)

    def prefer(self, locality: Locality) -> None:
        self._locality = locality

    def share_local(self) -> float | None:
        return self._locality.share(self._roster.hosts("worker")) if self._locality else None

    def admit(self) -> bool:
        return self._roster.take_in()

    def recover(self, lost: WorkerLost) -> None:
        """Let go of who is to blame, ask for others, wait until the job can go on.

        Raises CrewLost with the newest cause after more than ``workers.max_failures`` failures.
        """
        self._call(Wait(), {}, [])
        if not isinstance(lost, Dismissed) and not self._find_the_lost():
            self._roster.count(lost)
        self._told = 0
        self._roster.gather(0.0)

    def meet(self, command: Command, shards: int) -> list[Report]:
        workers = self._roster.hosts("worker")
        reducers = self._roster.members("reducer") or self._roster.members("worker")
        placed = self._locality.place(workers) if self._locality else assign(shards, workers)
        self._call(command, placed, [self._roster.address(who) for who in reducers])
        while True:
            with self._news:
                if len(self._reports) < len(workers):
                    self._news.wait(WATCH_SECONDS)
                reports = dict(self._reports)
            self._tick()
            failed = [r for r in reports.values() if isinstance(r, Failed)]
            if failed:
                raise cause(failed)
            if len(reports) == len(workers):
                return [reports[w] for w in workers]
            self._watch([Who("worker", w) for w in workers if w not in reports])

    def close(self) -> None:
        """Tell everybody to stop, give them the time to hear it, and hang up."""
        self._call(Stop(), {}, [])
        self._server.shutdown()

    def _call(self, command: Command, shards: dict[int, list[int]], reducers: list[str]) -> None:
        with self._news:
            self._meeting = Meeting(self._meeting.number + 1, command, shards, reducers)
            self._reports, self._moved = {}, time.monotonic()
            self._news.notify_all()

    def _answer(self, call: Call) -> Reply:
        if isinstance(call, Follow):
            return News([], None, over=False)
        who = Who("reducer" if call.role == "reducer" else "worker", call.index)
        with self._news:
            if not self._roster.sees(who):
                return Ack(self._meeting.number) if isinstance(call, Beat) else Meeting(0, Stop(), {}, [])
            if isinstance(call, Beat):
                self._note(call)
                return Ack(self._meeting.number)
            if isinstance(call.report, Joined):
                self._roster.joins(who, call.report)
            elif call.number == self._meeting.number:
                self._reports[call.index] = call.report
                self._news.notify_all()
            deadline = time.monotonic() + POLL_SECONDS
            while not self._is_for(who, call.number):
                if not self._news.wait(deadline - time.monotonic()):
                    return Meeting(call.number, Wait(), {}, [])
            return self._meeting

    def _is_for(self, who: Who, number: int) -> bool:
        match self._meeting.command:
            case Stop():
                return True
            case Wait():
                return False
        return self._meeting.number > number and who.role == "worker" and self._roster.is_member(who)

    def _note(self, beat: Beat) -> None:
        """Remember how far a worker is; whatever it mapped since its last beat counts as movement."""
        if beat.role == "worker":
            before = self._beats.get(beat.index)
            if before is None or (before.step, before.batches) != (beat.step, beat.batches):
                self._moved = time.monotonic()
            self._beats[beat.index] = beat

    def _tick(self) -> None:
        """Tell the newest step that some worker has finished, once."""
        members = self._roster.members("worker")
        newest = max(
            (beat for who in members if (beat := self._beats.get(who.index))), key=lambda beat: beat.step, default=None
        )
        if newest is not None and newest.step > self._told:
            self._told = newest.step
            self._say(Tick(newest.step, newest.loss, newest.rows, len(members)))

    def _watch(self, awaited: Sequence[Who]) -> None:
        """Let go of members that are gone or do not get on, and give the meeting up for it."""
        roster, stall = self._roster, self._job.workers.stall
        lost = roster.dismiss_the_dead() | roster.dismiss_the_silent(self._job.workers.timeout)
        if not lost and time.monotonic() - self._moved > stall:
            lost = roster.dismiss_the_stalled(awaited, f"did not get on for workers.stall, {stall:.0f} s")
        if lost:
            raise Dismissed(f"{', '.join(map(str, sorted(lost)))} had to go.")

    def _find_the_lost(self) -> bool:
        """Wait for the news that explains a failure, and let go of whoever it blames."""
        deadline = time.monotonic() + SILENT_SECONDS
        while time.monotonic() < deadline:
            if self._roster.dismiss_the_dead():
                return True
            time.sleep(WATCH_SECONDS)
        return bool(self._roster.dismiss_the_silent(SILENT_SECONDS))


def cause(failed: Sequence[Failed]) -> YarnmlError:
    """The error to raise for failed reports: an error of the job itself before a lost stream."""
    worst = next((f for f in failed if f.error != WorkerLost.__name__), failed[0])
    return named(worst.error)(worst.text, worst.detail)
