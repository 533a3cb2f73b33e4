"""The events of a job so far, for those who follow it from elsewhere."""

import time
from pathlib import Path
from threading import Condition

import msgspec

from yarnml.control.calls import Call, EventBatch, FollowEvents, HeartbeatReply
from yarnml.events.events import Event, Tick

HOLD_SECONDS = 4.0
"""Longest time that a call of a follower is held while there is nothing new."""

FAREWELL_SECONDS = 5.0
"""Longest wait at the end for a follower to hear of it."""

ABSENCE_SECONDS = 2.0
"""Longest time that a follower is away between two calls."""


class EventLog:
    """All events but the ticks, of which the newest is kept.  Any thread may add events or follow them.

    ``journal``: the path of a file that gets a line of JSON for every kept event.
    """

    def __init__(self, journal: Path | None = None) -> None:
        self._journal = journal.open("ab", buffering=0) if journal else None
        self._changed = Condition()
        self._events: list[Event] = []
        self._tick: Tick | None = None
        self._closed = False
        self._end_was_heard = False
        self._waiting_followers = 0
        self._follower_left_at = -ABSENCE_SECONDS

    def append(self, event: Event) -> None:
        """Add an event, and wake all followers."""
        with self._changed:
            if isinstance(event, Tick):
                self._tick = event
            else:
                self._events.append(event)
                if self._journal:
                    self._journal.write(msgspec.json.encode(event) + b"\n")
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
            if self._journal:
                self._journal.close()
                self._journal = None

    def _is_news(self, follow: FollowEvents) -> bool:
        return len(self._events) > follow.seen or (self._tick is not None and self._tick.step != follow.step)
