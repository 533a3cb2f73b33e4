"""The master: calls the workers to meetings, watches who is alive, never touches a tensor.

Every worker brings its report and waits for the next command; when all reports of a meeting are in, the rounds go on.
A process that ends, falls silent or stalls makes the job fail with its name, never wait for ever.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from yarnml import __version__
from yarnml.errors import WorkerLost, YarnmlError, named
from yarnml.events import Event, Tick
from yarnml.job import Job
from yarnml.messages import Ack, Beat, Command, Failed, Joined, Meet, Meeting, Report, Stop, Wait
from yarnml.transport.control import ControlServer
from yarnml.transport.security import Token
from yarnml.tree import assign

POLL_SECONDS = 5.0  # longest time a call of a worker is held
WATCH_SECONDS = 0.2  # how often the processes are looked at
GRACE_SECONDS = 1.0  # after a failure, how long to wait for the news that explains it


class Ended(Protocol):
    """A process that ended before it was told to."""

    @property
    def role(self) -> str: ...
    @property
    def index(self) -> int: ...
    @property
    def cause(self) -> str: ...
    @property
    def log(self) -> str: ...


class Processes(Protocol):
    """What the master asks of whoever started the processes."""

    def ended(self) -> Sequence[Ended]: ...

    def describe(self, role: str, index: int) -> str: ...


@dataclass(frozen=True, order=True)
class Who:
    role: str
    index: int

    def __str__(self) -> str:
        return f"{self.role} {self.index}"


class Master:
    """Leads the meetings of one job; a `yarnml.clusters.base.Crew`."""

    def __init__(self, job: Job, processes: Processes, host: str, token: Token, say: Callable[[Event], None]) -> None:
        self._job, self._processes, self._say = job, processes, say
        self._news = threading.Condition()
        self._meeting = Meeting(0, Wait(), {}, [])
        self._reports: dict[int, Report] = {}
        self._joined: dict[Who, Joined] = {}
        self._seen: dict[Who, float] = {}
        self._beats: dict[int, Beat] = {}  # of the workers
        self._moved = time.monotonic()
        self._told = 0
        self._server = ControlServer(self._answer, host, token)
        self.address = self._server.address

    @property
    def traffic(self) -> tuple[int, int]:
        """Calls answered, and bytes that came and went in them."""
        return self._server.calls, self._server.bytes_in + self._server.bytes_out

    def assemble(self, roles: Sequence[tuple[str, int]]) -> None:
        """Wait until all of these have joined; WorkerLost names who has not."""
        expected = {Who(*role) for role in roles}
        deadline = time.monotonic() + self._job.workers.timeout
        while missing := expected - self._joined.keys():
            self._raise_for_the_dead(sorted(expected))
            if time.monotonic() > deadline:
                names = "; ".join(f"{who} ({self._processes.describe(who.role, who.index)})" for who in sorted(missing))
                raise WorkerLost(
                    f"These did not join within workers.timeout, {self._job.workers.timeout:.0f} s: {names}."
                )
            with self._news:
                self._news.wait(WATCH_SECONDS)
        for who, joined in self._joined.items():
            if joined.version != __version__:
                raise WorkerLost(
                    f"{who} runs yarnml {joined.version}, the master {__version__}; they must be the same."
                )

    def meet(self, command: Command, shards: int) -> list[Report]:
        workers = sorted(w.index for w in self._joined if w.role == "worker")
        reducers = sorted(w for w in self._joined if w.role == "reducer")
        if not reducers:
            reducers = [Who("worker", index) for index in workers]
        addresses = [self._joined[who].address for who in reducers]
        with self._news:
            self._meeting = Meeting(self._meeting.number + 1, command, assign(shards, workers), addresses)
            self._reports, self._moved = {}, time.monotonic()
            self._news.notify_all()
        while True:
            with self._news:
                if len(self._reports) < len(workers):
                    self._news.wait(WATCH_SECONDS)
                reports = dict(self._reports)
            self._tick()
            failed = [r for r in reports.values() if isinstance(r, Failed)]
            if failed:
                self._raise_cause(failed)
            if len(reports) == len(workers):
                return [reports[w] for w in workers]
            self._raise_for_the_dead(sorted(self._joined))
            if time.monotonic() - self._moved > self._job.workers.stall:
                names = ", ".join(f"worker {w} at step {self._step(w)}" for w in workers if w not in reports)
                raise WorkerLost(
                    f"Nothing moved for workers.stall, {self._job.workers.stall:.0f} s: {names} did not finish."
                )

    def close(self) -> None:
        """Tell everybody to stop, give them the time to hear it, and hang up."""
        with self._news:
            self._meeting = Meeting(self._meeting.number + 1, Stop(), {}, [])
            self._news.notify_all()
        self._server.shutdown()

    def _answer(self, call: Meet | Beat) -> Meeting | Ack:
        who = Who(call.role, call.index)
        with self._news:
            self._seen[who] = time.monotonic()
            if isinstance(call, Beat):
                self._note(call)
                return Ack()
            if isinstance(call.report, Joined):
                self._joined[who] = call.report
                self._news.notify_all()
            elif call.number == self._meeting.number:
                self._reports[call.index] = call.report
                self._news.notify_all()
            deadline = time.monotonic() + POLL_SECONDS
            while not self._is_for(who, call.number):
                if not self._news.wait(deadline - time.monotonic()):
                    return Meeting(call.number, Wait(), {}, [])
            return self._meeting

    def _is_for(self, who: Who, number: int) -> bool:
        command = self._meeting.command
        return (
            self._meeting.number > number and (who.role == "worker" or isinstance(command, Stop)) and command != Wait()
        )

    def _step(self, worker: int) -> int:
        return self._beats[worker].step if worker in self._beats else 0

    def _note(self, beat: Beat) -> None:
        """Remember how far a worker is; whatever it mapped since its last beat counts as movement."""
        if beat.role == "worker":
            before = self._beats.get(beat.index)
            if before is None or (before.step, before.batches) != (beat.step, beat.batches):
                self._moved = time.monotonic()
            self._beats[beat.index] = beat

    def _tick(self) -> None:
        """Tell the newest step that some worker has finished, once."""
        newest = max(self._beats.values(), key=lambda b: b.step, default=None)
        if newest is not None and newest.step > self._told:
            self._told = newest.step
            self._say(Tick(newest.step, newest.loss, newest.rows, len(self._beats)))

    def _raise_for_the_dead(self, members: Sequence[Who]) -> None:
        if self._processes.ended():
            self._raise_cause([])
        now = time.monotonic()
        for who in members:
            silent = now - self._seen.get(who, now)
            if silent > self._job.workers.timeout:
                where = self._processes.describe(who.role, who.index)
                raise WorkerLost(
                    f"{who} ({where}) gave no sign of life for {silent:.0f} s; it was at step {self._step(who.index)}."
                )

    def _raise_cause(self, failed: list[Failed]) -> None:
        """Raise what best explains a failure: an error of the job itself, then a dead process, then a lost stream."""
        deadline = time.monotonic() + GRACE_SECONDS
        while time.monotonic() < deadline:
            with self._news:
                failed = failed or [r for r in self._reports.values() if isinstance(r, Failed)]
                failed += [r for r in self._reports.values() if isinstance(r, Failed) and r not in failed]
            if any(f.error != WorkerLost.__name__ for f in failed) or self._processes.ended():
                break
            time.sleep(WATCH_SECONDS / 4)
        raise cause(failed, self._processes.ended())


def cause(failed: Sequence[Failed], ended: Sequence[Ended]) -> YarnmlError:
    """The error to report, given everything that went wrong at once."""
    own = [f for f in failed if f.error != WorkerLost.__name__]
    if own:
        return named(own[0].error)(own[0].text, own[0].detail)
    if ended:
        return WorkerLost(f"{ended[0].role} {ended[0].index} {ended[0].cause} before its work was done.", ended[0].log)
    return WorkerLost(failed[0].text, failed[0].detail)
