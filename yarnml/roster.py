"""Who is there: the processes of a job as they come, take part, fall silent and end, and those asked for instead.

A process that ends or falls silent is let go by name and another one is asked for; so many failures end the job, but
not those that the cluster itself caused, such as preemption.
"""

import time
from collections.abc import Callable, Sequence
from threading import Condition

from yarnml import __version__
from yarnml.clusters.base import Processes, Who
from yarnml.errors import CrewLost, JobFileError, WorkerLost
from yarnml.events import Event, Joins, Lost, Waiting
from yarnml.failures import End, Kind, Replace, Stop, decide
from yarnml.job import Job
from yarnml.messages import Joined

WATCH_SECONDS = 0.2  # how often the processes are looked at
GATHER_SECONDS = 15.0  # how long a job that could start waits for those who are missing
SAY_SECONDS = 10.0  # between two words about what is waited for


class Dismissed(WorkerLost):
    """A meeting is given up because of members that were let go."""


class Roster:
    """The processes of one job.  ``changed`` guards it, and is notified of every change."""

    def __init__(self, job: Job, processes: Processes, say: Callable[[Event], None]) -> None:
        self._job, self._processes, self._say = job, processes, say
        self.changed = Condition()
        self._here: dict[Who, Joined] = {}
        self._members: set[Who] = set()
        self._gone: set[Who] = set()
        self._seen: dict[Who, float] = {}
        self._came = 0.0  # when the newest one came
        self._ends: list[End] = []
        self._hosts: set[str] = set()  # of all that ever came

    def sees(self, who: Who) -> bool:
        """Note a sign of life; False for a process that was let go and shall leave."""
        self._seen[who] = time.monotonic()
        return who not in self._gone

    def joins(self, who: Who, joined: Joined) -> None:
        """Somebody has come; who waits to take part says so again and again."""
        if who not in self._here:
            self._here[who], self._came = joined, time.monotonic()
            self._hosts.add(joined.host)
            self.changed.notify_all()

    def is_member(self, who: Who) -> bool:
        return who in self._members

    def members(self, role: str) -> list[Who]:
        """Who takes part, by index."""
        return sorted(who for who in self._members if who.role == role)

    def address(self, who: Who) -> str:
        return self._here[who].address

    def hosts(self, role: str) -> dict[int, str]:
        """The host of everybody who takes part, by index."""
        return {who.index: self._here[who].host for who in self.members(role)}

    def describe(self, who: Who) -> str:
        return self._processes.describe(who)

    def gather(self, patience: float) -> None:
        """Wait until the job can go on, then take in who is there.

        With ``workers.min`` workers and all reducers it waits ``patience`` seconds more for the others.
        Raises CrewLost after ``workers.wait``, and says what the cluster lacks.
        """
        workers, began = self._job.workers, time.monotonic()
        enough, told = min(workers.min or 1, workers.count), began
        while True:
            self.dismiss_the_dead()
            with self.changed:
                have = sum(who.role == "worker" for who in self._here)
                reducers = len(self._here) - have
                waited = time.monotonic() - max(began, self._came)
                ready = have >= workers.count or (have >= enough and waited >= patience)
                if ready and reducers >= self._job.reducers.count:
                    break
                self.changed.wait(WATCH_SECONDS)
            now = time.monotonic()
            if now - began > workers.wait:
                raise CrewLost(self._too_few(have, enough, reducers))
            if now - told > SAY_SECONDS:
                told = now
                self._say(Waiting(have, workers.count, self._processes.wanting()))
        self.take_in()

    def take_in(self) -> bool:
        """Let everybody who is there take part; whether anybody is new."""
        with self.changed:
            new, first = self._here.keys() - self._members, not self._members
            self._members = set(self._here)
        for who in new:
            version = self._here[who].version
            if version != __version__:
                raise JobFileError(
                    f"environment: {who} runs yarnml {version}, the master {__version__}; they must be the same."
                )
        workers = len(self.members("worker"))
        if new and (not first or workers < self._job.workers.count):
            self._say(Joins(workers, self._job.workers.count))
        return bool(new)

    def dismiss_the_dead(self) -> set[Who]:
        """Let go of the processes that ended; the members among them."""
        dead = [ended for ended in self._processes.ended() if ended.who not in self._gone]
        members = {ended.who for ended in dead} & self._members
        for ended in dead:
            where = f"on {ended.host} " if ended.host else ""
            why = f"{ended.who} {where}{ended.cause}"
            self._dismiss(ended.who, ended.kind, why, ended.log, ended.host, ended.size)
        return members

    def dismiss_the_silent(self, seconds: float) -> set[Who]:
        """Let go of the members that gave no sign of life for ``seconds``."""
        now = time.monotonic()
        with self.changed:
            silent = {who: now - self._seen[who] for who in self._members if now - self._seen[who] > seconds}
        for who, since in sorted(silent.items()):
            why = f"{who} ({self.describe(who)}) gave no sign of life for {since:.0f} s"
            self._dismiss(who, Kind.SILENT, why)
        return set(silent)

    def dismiss_the_stalled(self, stalled: Sequence[Who], why: str) -> set[Who]:
        """Let go of members that live but do not get on."""
        for who in stalled:
            self._dismiss(who, Kind.STALLED, f"{who} ({self.describe(who)}) {why}")
        return set(stalled)

    def count(self, lost: WorkerLost) -> None:
        """Note a failure that no process is to blame for; CrewLost when there were too many."""
        self._decide(End("worker", Kind.BROKEN, str(lost)), lost.detail)

    def _dismiss(self, who: Who, kind: Kind, why: str, log: str = "", host: str = "", size: int = 0) -> None:
        with self.changed:
            self._gone.add(who)
            self._members.discard(who)
            here = self._here.pop(who, None)
        self._processes.end(who)
        host = host or (here.host if here else "")
        decision = self._decide(End(who.role, kind, why, host, here is not None, size), log)
        if decision.avoid:
            self._processes.avoid(decision.avoid)
        self._processes.start(who.role, decision.size)

    def _decide(self, end: End, log: str) -> Replace:
        """Note an end and tell what follows; raises what ends the job."""
        self._ends.append(end)
        with self.changed:
            hosts = frozenset(self._hosts)
        decision = decide(self._ends, self._job.workers.max_failures, hosts=hosts, sizes=self._processes.sizes())
        if isinstance(decision, Stop):
            raise (JobFileError if decision.environment else CrewLost)(decision.words, log)
        self._say(Lost(decision.words))
        return decision

    def _too_few(self, workers: int, enough: int, reducers: int) -> str:
        have = f"{workers} of at least {enough} workers"
        if workers >= enough:
            have = f"{reducers} of {self._job.reducers.count} reducers"
        reason = self._processes.wanting()
        return f"{have} had come after workers.wait, {self._job.workers.wait:.0f} s{f': {reason}' if reason else '.'}"
