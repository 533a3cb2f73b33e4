"""The events of a job so far, for those who follow it from elsewhere."""

import errno
import io
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Condition

import msgspec

from yarnml.clusters.yarn.observe.logs import EVENTS
from yarnml.control.calls import Call, EventBatch, FollowEvents, HeartbeatReply
from yarnml.events.events import Event, Tick
from yarnml.events.log import log
from yarnml.events.public import public

HOLD_SECONDS = 4.0
"""Longest time that a call of a follower is held while there is nothing new."""

FAREWELL_SECONDS = 5.0
"""Longest wait at the end for a follower to hear of it."""

ABSENCE_SECONDS = 2.0
"""Longest time that a follower is away between two calls."""


class Journal:
    """A file that gets a line of JSON for every event, as far as there is room for it.

    Where a line can't be written, as on a full disk, the log says so once, and the job goes on.
    """

    def __init__(self, path: Path | None) -> None:
        self._file: io.FileIO | None = None
        self._warned = False
        with self._spared():
            self._file = io.FileIO(path, "a") if path else None

    def add(self, event: Event) -> None:
        line = msgspec.json.encode(event) + b"\n"
        if self._warned:
            line = b"\n" + line  # the line before may have been cut off
        with self._spared():
            if self._file and self._file.write(line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def close(self) -> None:
        with self._spared():
            if self._file:
                self._file.close()
        self._file = None

    @contextmanager
    def _spared(self) -> Iterator[None]:
        try:
            yield
        except OSError as exc:
            if not self._warned:
                log(f"Events can't be written into {EVENTS}, and some will be missing there; the job goes on: {exc}")
            self._warned = True


class EventLog:
    """All events but the ticks, of which the newest is kept.  Any thread may add events or follow them.

    ``journal``: the path of a file that gets a line of JSON for every kept event.
    """

    def __init__(self, journal: Path | None = None) -> None:
        self._journal = Journal(journal)
        self._changed = Condition()
        self._events: list[Event] = []
        self._tick: Tick | None = None
        self._closed = False
        self._end_was_heard = False
        self._waiting_followers = 0
        self._follower_left_at = -ABSENCE_SECONDS

    def append(self, event: Event) -> None:
        """Add an event, without its secrets, and wake all followers."""
        clean = public(event)
        with self._changed:
            if isinstance(clean, Tick):
                self._tick = clean
            else:
                self._events.append(clean)
                self._journal.add(clean)
            self._changed.notify_all()

    def answer(self, call: Call) -> EventBatch | HeartbeatReply:
        """Answer a `FollowEvents`, as the handler of a `yarnml.control.rpc.ControlServer`."""
        return self.follow(call) if isinstance(call, FollowEvents) else HeartbeatReply()

    def follow(self, follow: FollowEvents) -> EventBatch:
        """The events since the follower last asked; waits for one where there is none."""
        deadline = time.monotonic() + HOLD_SECONDS
        with self._changed:
            self._waiting_followers += 1
            while not self._closed and not self._is_news(follow) and self._changed.wait(deadline - time.monotonic()):
                pass
            self._waiting_followers -= 1
            self._follower_left_at = time.monotonic()
            self._end_was_heard = self._closed
            self._changed.notify_all()
            return EventBatch(self._events[follow.seen :], self._tick, self._closed)

    def close(self) -> None:
        """End the log; waits until a follower that listens, or did a moment ago, has heard of the end."""
        deadline = time.monotonic() + FAREWELL_SECONDS
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            followed = self._waiting_followers or time.monotonic() - self._follower_left_at < ABSENCE_SECONDS
            while (self._waiting_followers or (followed and not self._end_was_heard)) and self._changed.wait(
                deadline - time.monotonic()
            ):
                pass
            self._journal.close()

    def _is_news(self, follow: FollowEvents) -> bool:
        return len(self._events) > follow.seen or (self._tick is not None and self._tick.step != follow.step)
