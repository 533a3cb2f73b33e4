"""Show an application as if it ran here, from its start to its end."""

import time
from collections.abc import Callable

from yarnml.clusters.yarn.client import LOOK_SECONDS, Application, Yarn
from yarnml.clusters.yarn.logs import probable_cause
from yarnml.errors import ClusterError, YarnmlError, named
from yarnml.events import Event, Failure, Outcome, Pending

SAY_SECONDS = 10.0  # between two words about what is waited for


def follow(yarn: Yarn, application: str, say: Callable[[Event], None]) -> Outcome | None:
    """Tell every event of a job until it ends; its outcome, where this was heard.

    Raises the job's own error, or ClusterError with the probable cause out of its logs.
    """
    listener = _Listener(yarn, application, say)
    while (report := yarn.report(application)).live:
        if not listener.listen():
            listener.wait(report)
            time.sleep(LOOK_SECONDS)
    if isinstance(listener.end, Outcome):
        return listener.end
    if isinstance(listener.end, Failure):
        raise named(listener.end.error)(listener.end.text, listener.end.detail)
    if report.status == "SUCCEEDED":
        return None
    raise ended_badly(report)


class _Listener:
    def __init__(self, yarn: Yarn, application: str, say: Callable[[Event], None]) -> None:
        self._yarn, self._application, self._say = yarn, application, say
        self._master, self._seen, self._step = "", 0, -1
        self._said = time.monotonic()
        self.end: Outcome | Failure | None = None

    def listen(self) -> bool:
        """Tell what is new; whether the master answered.  Another master, of a new attempt, begins its own story."""
        told = self._yarn.news(self._application, self._seen, self._step)
        if told is None:
            return False
        master, news = told
        if master != self._master:
            if self._master:
                self._seen, self._step = 0, -1
                self._master = master
                return True
            self._master = master
        self._seen += len(news.events)
        for event in news.events:
            if isinstance(event, Outcome | Failure):
                self.end = event
            else:
                self._say(event)
        if news.tick and news.tick.step != self._step:
            self._step = news.tick.step
            self._say(news.tick)
        return not news.over

    def wait(self, report: Application) -> None:
        """Say from time to time what is waited for."""
        if time.monotonic() - self._said > SAY_SECONDS and self.end is None:
            self._said = time.monotonic()
            what = report.diagnostics if report.state != "RUNNING" else "its master starts"
            self._say(Pending(report.id, report.state, what))


def ended_badly(report: Application) -> YarnmlError:
    """The error for an application that ended without saying why itself."""
    if report.status == "KILLED":
        return ClusterError(f"{report.id} was killed. {report.diagnostics}".strip())
    found = probable_cause(report.id)
    why = found.sentence or report.diagnostics or "it left no word"
    return ClusterError(f"{report.id} failed: {why}", found.log)
