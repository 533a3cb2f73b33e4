"""Who is there: the processes of a job as they come, take part, fall silent and end, and those asked for instead.

A process that ends or falls silent is let go by name and another one is asked for; so many failures end the job, but
not those that the cluster itself caused, such as preemption.
"""

import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from threading import Condition

from yarnml import __version__
from yarnml.control.commands import Failed, Joined
from yarnml.control.roles import ProcessId, Role
from yarnml.errors import CrewLost, JobFileError, WorkerLost
from yarnml.events.events import Event, ProcessJoined, ProcessLost, SizeChanged, Waiting, WorkerSuspended
from yarnml.job.spec import Job
from yarnml.master.membership.autoscaler import Autoscaler
from yarnml.master.membership.failure_policy import End, ExitKind, Replace, Stop, decide, size_of
from yarnml.master.membership.liveness import Liveness
from yarnml.master.membership.processes import Processes

WATCH_SECONDS = 0.2  # how often the processes are looked at
GATHER_SECONDS = 15.0  # how long a job that could start waits for those who are missing
SETTLE_SECONDS = 2.0  # after the newest arrival, before a round is cut for newcomers
SAY_SECONDS = 10.0  # between two words about what is waited for


class MemberLost(WorkerLost):
    """A meeting is given up because of members that were let go."""


class MembershipChanged(WorkerLost):
    """A meeting ends early because others take part from now on; nobody is to blame."""


class Members:
    """The processes of one job.  ``changed`` guards it, and is notified of every change."""

    def __init__(self, job: Job, processes: Processes, say: Callable[[Event], None]) -> None:
        self._job, self._processes, self._say = job, processes, say
        self.changed = Condition()
        self._here: dict[ProcessId, Joined] = {}
        self._members: set[ProcessId] = set()
        self._gone: set[ProcessId] = set()
        self._liveness = Liveness(time.monotonic())
        self._came = 0.0  # when the newest one came
        self._ends: list[End] = []
        self._hosts: set[str] = set()  # of all that ever came
        self._autoscaler = Autoscaler(job, time.monotonic())
        self._wanted = self._autoscaler.wanted

    def heartbeat(self, who: ProcessId) -> bool:
        """Note a sign of life; False for a process that was let go and shall leave."""
        self._liveness.heartbeat(who, time.monotonic())
        return who not in self._gone

    def join(self, who: ProcessId, joined: Joined) -> None:
        """Somebody has come; who waits to take part says so again and again."""
        if who not in self._here:
            self._here[who], self._came = joined, time.monotonic()
            self._hosts.add(joined.host)
            self.changed.notify_all()

    def is_member(self, who: ProcessId) -> bool:
        return who in self._members

    def members(self, role: str) -> list[ProcessId]:
        """Who takes part, by index."""
        return sorted(who for who in self._members if who.role == role)

    def address(self, who: ProcessId) -> str:
        return self._here[who].address

    def hosts(self, role: str) -> dict[int, str]:
        """The host of everybody who takes part, by index."""
        return {who.index: self._here[who].host for who in self.members(role)}

    def wait_for_quorum(self, patience: float) -> None:
        """Wait until the job can go on, then take in who is there.

        With ``workers.min`` workers, and to start with all reducers, it waits ``patience`` seconds more for the others.
        Raises CrewLost after ``workers.wait``, and says what the cluster lacks.
        """
        workers, began = self._job.workers, time.monotonic()
        enough, told, first = min(workers.min or 1, workers.count), began, not self._members and not self._ends
        while True:
            self.remove_exited()
            self.remove_silent(workers.timeout)
            with self.changed:
                fit = self._fit()
                have = sum(who.role == "worker" for who in fit)
                reducers = len(fit) - have
                waited = time.monotonic() - max(began, self._came)
                ready = have >= self._wanted["worker"] or (have >= enough and waited >= patience)
                if ready and (reducers >= self._wanted["reducer"] or not first):
                    break
                self.changed.wait(WATCH_SECONDS)
            now = time.monotonic()
            if now - began > workers.wait:
                raise CrewLost(self._too_few(have, enough, reducers))
            if now - told > SAY_SECONDS:
                told = now
                lack = self._processes.wanting()
                if not lack and first and reducers < self._wanted["reducer"]:
                    lack = f"{reducers} of {self._wanted['reducer']} reducers"
                self._say(Waiting(have, self._wanted["worker"], lack))
        self.admit()

    def resize(self, role: Role, count: int, why: str) -> None:
        """From now on have ``count`` processes of a role; `adjust` asks for them or lets some go."""
        with self.changed:
            before, self._wanted[role] = self._wanted[role], count
            self.changed.notify_all()
        if count != before:
            self._say(SizeChanged(role, before, count, why))

    @property
    def size(self) -> str:
        """How many of each role are wanted and are here, in words."""
        with self.changed:
            here = Counter(who.role for who in self._here)
        roles = [role for role, wanted in self._wanted.items() if wanted or here[role]]
        return ", ".join(f"{self._wanted[role]} {role}s wanted, {here[role]} here" for role in roles)

    def adjust(self) -> bool:
        """Ask for the processes that are wanted and let go of those that are not; whether a member had to go."""
        gone: set[ProcessId] = set()
        for role, wanted in list(self._wanted.items()):
            for _ in range(self._autoscaler.missing(role)):
                self._ask(role, size_of(self._ends, role, self._processes.sizes()))
            with self.changed:
                here = sorted((w for w in self._here if w.role == role), key=lambda w: (w in self._members, -w.index))
                surplus = here[: max(0, len(here) - wanted)]
            for who in surplus:
                gone |= {who} & self._members
                self._release(who)
        return bool(gone)

    def grow(self, most: int) -> None:
        """Want a few workers more, ``most`` at most, where the cluster has room for them now."""
        with self.changed:
            more = self._autoscaler.growth(most, sum(who.role == "worker" for who in self._here), time.monotonic())
        if more and (room := self._processes.room("worker", more)):
            self.resize("worker", self._wanted["worker"] + room, "the cluster has room")

    def admit(self) -> bool:
        """Let everybody who is fit take part, and nobody else; whether that changes anything."""
        with self.changed:
            before, self._members = self._members, self._fit()
            new = self._members - before
        for who in new:
            version = self._here[who].version
            if version != __version__:
                raise JobFileError(
                    f"environment: {who} runs yarnml {version}, the master {__version__}; they must be the same."
                )
        workers = len(self.members("worker"))
        if new and (before or workers < self._wanted["worker"]):
            self._say(ProcessJoined(workers, self._wanted["worker"]))
        return self._members != before

    def newcomers(self) -> bool:
        """Whether somebody has waited to take part for so long that the others should stop for it."""
        with self.changed:
            return bool(self._fit() - self._members) and time.monotonic() - self._came > SETTLE_SECONDS

    def suspend_silent(self, seconds: float) -> set[ProcessId]:
        """Go on without the members that gave no sign of life for ``seconds``, until they do."""
        with self.changed:
            quiet = self._liveness.silent(self._members, seconds, time.monotonic())
            self._liveness.rest_until_seen(quiet)
        for who, since in quiet.items():
            self._say(WorkerSuspended(str(who), f"gave no sign of life for {since:.1f} s"))
        return set(quiet)

    def kill_suspended(self) -> None:
        """End the processes that are here and give no sign of life."""
        with self.changed:
            quiet = self._liveness.quiet(self._here)
        for who in quiet:
            self._release(who)

    def suspend_stragglers(self, slow: Collection[ProcessId]) -> bool:
        """Go on without these for a while, a longer one each time; False where there is nobody else."""
        with self.changed:
            if not {who for who in self._members if who.role == "worker"} - {*slow}:
                return False
            self._liveness.rest(slow, time.monotonic())
        for who in sorted(slow):
            self._say(WorkerSuspended(str(who), "is several times slower than the others"))
        return True

    def remove_exited(self) -> set[ProcessId]:
        """Let go of the processes that ended; the members among them."""
        dead = [ended for ended in self._processes.ended() if ended.who not in self._gone]
        members = {ended.who for ended in dead} & self._members
        for ended in dead:
            where = f"on {ended.host} " if ended.host else ""
            why = f"{ended.who} {where}{ended.cause}"
            self._dismiss(ended.who, ended.kind, why, ended.log, ended.host, ended.size)
        return members

    def remove_silent(self, seconds: float) -> set[ProcessId]:
        """Let go of whoever gave no sign of life for ``seconds``, or runs for long and never gave one."""
        up, now = {*self._processes.up()} - self._gone, time.monotonic()
        with self.changed:
            self._liveness.runs(up, now)
            silent = self._liveness.silent(self._liveness.seen - self._gone, seconds, now)
            never_started = self._liveness.never_started(seconds, now)
        for who, since in silent.items():
            self._dismiss(who, ExitKind.SILENT, f"{self._named(who)} gave no sign of life for {since:.0f} s")
        for who, since in never_started.items():
            self._dismiss(who, ExitKind.SILENT, f"{self._named(who)} has run for {since:.0f} s without a sign of life")
        return set(silent)

    def remove_failed_newcomer(self, who: ProcessId, failed: Failed) -> None:
        """Let go of a newcomer that could not get ready."""
        self._dismiss(who, ExitKind.EXIT, f"{self._named(who)}: {failed.text}", failed.detail)

    def dismiss(self, members: Sequence[ProcessId], kind: ExitKind, why: str) -> set[ProcessId]:
        """Let go of members that live; ``why`` says what each of them did."""
        for who in members:
            self._dismiss(who, kind, f"{self._named(who)} {why}")
        return set(members)

    def count(self, lost: WorkerLost) -> None:
        """Note a failure that no process is to blame for; CrewLost when there were too many."""
        self._decide(End("worker", ExitKind.BROKEN, str(lost)), lost.detail)

    def _dismiss(self, who: ProcessId, kind: ExitKind, why: str, log: str = "", host: str = "", size: int = 0) -> None:
        here = self._release(who)
        host = host or (here.host if here else "")
        first = self._job.workers.count if who.role == "worker" else self._job.reducers.count
        decision = self._decide(End(who.role, kind, why, host, here is not None, size, who.index >= first), log)
        if decision.avoid:
            self._processes.avoid(decision.avoid)
        if not kind.counts and who.role == "worker" and self._autoscaler.shrinks(time.monotonic()):
            self.resize("worker", self._wanted["worker"] - 1, "the cluster took one back")
        if self._autoscaler.missing(who.role):
            self._ask(who.role, decision.size)

    def _decide(self, end: End, log: str) -> Replace:
        """Note an end and tell what follows; raises what ends the job."""
        self._ends.append(end)
        with self.changed:
            hosts = frozenset(self._hosts)
        decision = decide(self._ends, self._job.workers.max_failures, hosts=hosts, sizes=self._processes.sizes())
        if isinstance(decision, Stop):
            raise (JobFileError if decision.environment else CrewLost)(decision.words, log)
        self._say(ProcessLost(decision.words))
        return decision

    def _ask(self, role: Role, size: int) -> None:
        self._autoscaler.asked[role] += 1
        self._processes.start(role, size)

    def _release(self, who: ProcessId) -> Joined | None:
        """Let go of a process for good; what it had told of itself."""
        with self.changed:
            self._gone.add(who)
            self._members.discard(who)
            here = self._here.pop(who, None)
            self._autoscaler.asked[who.role] -= 1
        self._processes.end(who)
        return here

    def _fit(self) -> set[ProcessId]:
        return self._liveness.fit(self._here, time.monotonic())

    def _named(self, who: ProcessId) -> str:
        return f"{who} ({self._processes.describe(who)})"

    def _too_few(self, workers: int, enough: int, reducers: int) -> str:
        have = f"{workers} of at least {enough} workers"
        if workers >= enough:
            have = f"{reducers} of {self._wanted['reducer']} reducers"
        reason = self._processes.wanting()
        return f"{have} had come after workers.wait, {self._job.workers.wait:.0f} s{f': {reason}' if reason else '.'}"
