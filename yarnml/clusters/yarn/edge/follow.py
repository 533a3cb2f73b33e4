"""Show an application as if it ran here, from its start to its end."""

import re
import threading
import time
from collections.abc import Callable
from contextlib import closing

from yarnml.clusters.yarn.capacity.rules import why_master_waits
from yarnml.clusters.yarn.edge.client import CALL_SECONDS, LOOK_SECONDS, Yarn
from yarnml.clusters.yarn.observe.diagnosis import ending
from yarnml.clusters.yarn.observe.status import Application
from yarnml.control.calls import EventBatch, FollowEvents
from yarnml.control.rpc import ControlClient
from yarnml.errors import WorkerLost, named
from yarnml.events.events import Event, Failure, Outcome, Pending

SAY_SECONDS, REPEAT_SECONDS = 10.0, 60.0  # between two words about what is waited for, and between the same ones
PAUSE_SECONDS = 0.2  # between two calls to a master that has much to tell

_DATE = re.compile(r"^\[[^\]]*\]\s*")


def follow(yarn: Yarn, application: str, say: Callable[[Event], None]) -> Outcome | None:
    """Tell every event of a job until it ends; its outcome, where this was heard or is in its logs.

    Raises the job's own error, or ClusterError with the probable cause out of its logs.
    """
    waiting, look = _Waiting(say), _Look(yarn, application)
    with closing(look), closing(Listener(yarn, application)) as listener:
        while (report := look.report).live:
            news = listener.news()
            for event in news.events if news else []:
                if not isinstance(event, Outcome | Failure):
                    say(event)
            if news and news.tick:
                say(news.tick)
            time.sleep(PAUSE_SECONDS if news and not news.over else LOOK_SECONDS)
            if look.seconds > SAY_SECONDS:
                waiting.tell(report, "the ResourceManager does not answer")
            elif news is None and listener.end is None:
                waiting.tell(report, reason(report))
    yarn.clear_away(application)
    end = listener.end or ending(report)
    if isinstance(end, Failure):
        raise named(end.error)(end.text, end.detail)
    return end


def reason(report: Application) -> str:
    """What an application waits for, out of YARN's long words."""
    if report.state == "RUNNING":
        return "its master starts"
    text = _DATE.sub("", why_master_waits(report.diagnostics).partition(" Details : ")[0])
    return text.strip() or "YARN has not looked at it yet"


class _Look:
    """Looks at an application again and again, aside: while the ResourceManager is away an answer takes minutes."""

    def __init__(self, yarn: Yarn, application: str) -> None:
        self._yarn, self._application = yarn, application
        self._found: Application | Exception = yarn.report(application)
        self._at, self._closed = time.monotonic(), threading.Event()
        threading.Thread(target=self._run, daemon=True, name="look").start()

    def _run(self) -> None:
        while isinstance(self._found, Application) and not self._closed.wait(LOOK_SECONDS):
            try:
                self._found = self._yarn.report(self._application)
            except Exception as exc:
                self._found = exc
            self._at = time.monotonic()

    @property
    def report(self) -> Application:
        """The newest; raises what kept us from one."""
        if isinstance(self._found, Exception):
            raise self._found
        return self._found

    @property
    def seconds(self) -> float:
        """How old it is."""
        return time.monotonic() - self._at

    def close(self) -> None:
        self._closed.set()


class _Waiting:
    """Tells now and then what is waited for, the same again only after long."""

    def __init__(self, say: Callable[[Event], None]) -> None:
        self._say, self._told, self._said = say, "", time.monotonic()

    def tell(self, report: Application, why: str) -> None:
        passed = time.monotonic() - self._said
        if passed > (REPEAT_SECONDS if why == self._told else SAY_SECONDS):
            self._told, self._said = why, time.monotonic()
            self._say(Pending(report.id, report.state, why))


class Listener:
    """Hears what a job tells; another master, of a new attempt, begins its own story."""

    def __init__(self, yarn: Yarn, application: str) -> None:
        self._yarn, self._application = yarn, application
        self._line: ControlClient | None = None
        self._address, self._seen, self._step = "", 0, -1
        self.end: Outcome | Failure | None = None

    def news(self) -> EventBatch | None:
        """What is new, a tick only where it is; None where no master answers."""
        if self._line is None and not self._connect():
            return None
        assert self._line
        try:
            news = self._line.call(FollowEvents(self._seen, self._step))
        except WorkerLost:
            self.close()
            return None
        assert isinstance(news, EventBatch)
        self._seen += len(news.events)
        self.end = next((e for e in reversed(news.events) if isinstance(e, Outcome | Failure)), self.end)
        tick = news.tick if news.tick and news.tick.step != self._step else None
        self._step = tick.step if tick else self._step
        return EventBatch(news.events, tick, news.over)

    def close(self) -> None:
        if self._line:
            self._line.close()
        self._line = None

    def _connect(self) -> bool:
        found = self._yarn.master(self._application)
        if found is None:
            return False
        address, certificate = found
        if address != self._address:
            self._address, self._seen, self._step, self.end = address, 0, -1, None
        self._line = ControlClient(address, certificate, CALL_SECONDS)
        return True
