"""Follow an application as if it ran here, from its start to its end."""

import re
import threading
import time
from contextlib import closing

from yarnml.clusters.yarn.capacity.rules import why_master_waits
from yarnml.clusters.yarn.edge.client import CHECK_SECONDS, MASTER_CALL_SECONDS, Yarn
from yarnml.clusters.yarn.observe.diagnosis import diagnose
from yarnml.clusters.yarn.observe.pages import PageLine
from yarnml.clusters.yarn.observe.status import Application
from yarnml.control.calls import EventBatch, FollowEvents
from yarnml.control.rpc import ControlClient
from yarnml.errors import WorkerLost, named
from yarnml.events.events import End, Failure, Listener, Pending

NOTICE_SECONDS = 10.0
"""Least time between two notices about what an application waits for."""

SAME_NOTICE_SECONDS = 60.0
"""Least time between two notices that say the same."""

BATCH_SECONDS = 0.2
"""Pause between two calls to a master, which may have many events to tell."""

_DATE = re.compile(r"^\[[^\]]*\]\s*")


def follow(yarn: Yarn, application: str, say: Listener, *, foreign: bool = False) -> End | None:
    """Tell every event of a job until it ends; its outcome, where this was told or is in its logs.

    ``foreign``: whether it is another user's.

    Raises the job's own error, or ClusterError with the probable cause out of its logs.
    """
    notices = _WaitNotices(say)
    monitor = _ApplicationMonitor(yarn, application)
    with closing(monitor), closing(EventFollower(yarn, application, foreign=foreign)) as follower:
        while (report := monitor.report).live:
            batch = follower.poll()
            for event in batch.events if batch else []:
                if not isinstance(event, End | Failure):  # they come last, after the application's end
                    say(event)
            if batch and batch.tick:
                say(batch.tick)
            time.sleep(BATCH_SECONDS if batch and not batch.over else CHECK_SECONDS)
            if monitor.age > NOTICE_SECONDS:
                notices.tell(report, "the ResourceManager does not answer")
            elif batch is None and follower.end is None:
                notices.tell(report, why_waiting(report))
    yarn.clear_away(application)
    end = follower.end or diagnose(report)
    if isinstance(end, Failure):
        raise named(end.error)(end.text, end.detail)
    return end


def why_waiting(report: Application) -> str:
    """The reason why an application waits, out of YARN's long words."""
    if report.state == "RUNNING":
        return "its master starts"
    text = _DATE.sub("", why_master_waits(report.diagnostics).partition(" Details : ")[0])
    return text.strip() or "YARN has not looked at it yet"


class _ApplicationMonitor:
    """Asks for the report of an application again and again, on a thread of its own.

    While the ResourceManager is away an answer takes minutes, and the events of the job must go on meanwhile.
    """

    def __init__(self, yarn: Yarn, application: str) -> None:
        self._yarn = yarn
        self._application = application
        self._newest: Application | Exception = yarn.report(application)
        self._answered = time.monotonic()
        self._closed = threading.Event()
        threading.Thread(target=self._run, daemon=True, name="application monitor").start()

    def _run(self) -> None:
        while isinstance(self._newest, Application) and not self._closed.wait(CHECK_SECONDS):
            try:
                self._newest = self._yarn.report(self._application)
            except Exception as exc:
                self._newest = exc
            self._answered = time.monotonic()

    @property
    def report(self) -> Application:
        """The newest report; raises the error that kept this thread from one."""
        newest = self._newest
        if isinstance(newest, Exception):
            raise newest
        return newest

    @property
    def age(self) -> float:
        """Seconds since the newest report."""
        return time.monotonic() - self._answered

    def close(self) -> None:
        self._closed.set()


class _WaitNotices:
    """Tells now and then what is waited for, and the same again only after long."""

    def __init__(self, say: Listener) -> None:
        self._say = say
        self._reason = ""
        self._told_at = time.monotonic()

    def tell(self, report: Application, reason: str) -> None:
        """Tell why an application waits, unless that was told a moment ago."""
        passed = time.monotonic() - self._told_at
        if passed > (SAME_NOTICE_SECONDS if reason == self._reason else NOTICE_SECONDS):
            self._reason = reason
            self._told_at = time.monotonic()
            self._say(Pending(report.id, report.state, reason))


class EventFollower:
    """Follows the events of a job over its masters; the master of a new attempt begins its own story.

    ``foreign``: whether the application is another user's, who lets us look at it.
    ``end``: the last event of the job, once it was told.
    """

    def __init__(self, yarn: Yarn, application: str, *, foreign: bool = False) -> None:
        self._yarn = yarn
        self._application = application
        self._foreign = foreign
        self._line: ControlClient | PageLine | None = None
        self._address = ""
        self._seen_events = 0
        self._seen_step = -1
        self.end: End | Failure | None = None

    def poll(self) -> EventBatch | None:
        """The events since the last call, and the newest tick where it is new; None where no master answers."""
        line = self._line or self._connect()
        if line is None:
            return None
        try:
            batch = line.call(FollowEvents(self._seen_events, self._seen_step))
        except WorkerLost:
            self.close()
            return None
        assert isinstance(batch, EventBatch)
        self._seen_events += len(batch.events)
        self.end = next((e for e in reversed(batch.events) if isinstance(e, End | Failure)), self.end)
        tick = batch.tick if batch.tick and batch.tick.step != self._seen_step else None
        self._seen_step = tick.step if tick else self._seen_step
        return EventBatch(batch.events, tick, batch.over)

    def close(self) -> None:
        if self._line:
            self._line.close()
        self._line = None

    def _connect(self) -> ControlClient | PageLine | None:
        if self._foreign:
            self._begin_story("")
            self._line = PageLine(self._application)
            return self._line
        master = self._yarn.master(self._application)
        if master is None:
            return None
        address, certificate = master
        if address != self._address:  # another attempt: nothing of its story was told yet
            self._begin_story(address)
        self._line = ControlClient(address, certificate, MASTER_CALL_SECONDS)
        return self._line

    def _begin_story(self, address: str) -> None:
        self._address = address
        self._seen_events = 0
        self._seen_step = -1
        self.end = None
