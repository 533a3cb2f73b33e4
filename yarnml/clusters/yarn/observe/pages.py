"""The page of a running job for those whom ``acls.view`` names, who have no certificate of its application."""

import msgspec
from msgspec import Struct

from yarnml.clusters.yarn.application import EVENTS_PAGE
from yarnml.clusters.yarn.capacity import rest
from yarnml.clusters.yarn.observe.processes import ProcessInfo
from yarnml.control.calls import EventBatch, FollowEvents
from yarnml.errors import WorkerLost

PAGE_SECONDS = 15.0
"""Time limit for a page, which the master holds for as long as there is nothing new."""


class Page(Struct, frozen=True):
    """The content of the page.  ``story``: a name for the events of one master; that of a new attempt has another."""

    story: str
    batch: EventBatch
    processes: list[ProcessInfo]


def fetch(application: str, **query: str) -> Page:
    """The page of an application; OSError where there is none, or not for us."""
    body = rest.application_page(application, EVENTS_PAGE, PAGE_SECONDS, **query)
    try:
        return msgspec.json.decode(body, type=Page)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise OSError(f"The page of {application} is not what was expected: {exc}") from exc


def processes(application: str) -> list[ProcessInfo]:
    """The workers and reducers of a running application, as far as its page tells us."""
    try:
        return fetch(application).processes
    except OSError:
        return []


class PageLine:
    """The page in the place of a line to the master: it answers `FollowEvents`, and nothing else."""

    def __init__(self, application: str) -> None:
        self._application = application
        self._story = ""

    def call(self, message: FollowEvents) -> EventBatch:
        """The events after those that were seen; WorkerLost where the page can't be had any more."""
        try:
            page = fetch(self._application, story=self._story, seen=str(message.seen), step=str(message.step))
        except OSError as exc:
            raise WorkerLost(f"The page of {self._application} can't be had: {exc}.") from exc
        if self._story and page.story != self._story:
            raise WorkerLost(f"Another master leads {self._application} now.")
        self._story = page.story
        return page.batch

    def close(self) -> None:
        """Do nothing: every call has a connection of its own."""
