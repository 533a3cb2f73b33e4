"""What a job has told so far, for those who follow it from elsewhere."""

import time
from pathlib import Path
from threading import Condition

import msgspec

from yarnml.control.calls import Call, EventBatch, FollowEvents, HeartbeatReply
from yarnml.events.events import Event, Tick

POLL_SECONDS = 4.0  # longest time a follower is held
FAREWELL_SECONDS = 5.0  # how long the end waits for a follower to hear of it
PAUSE_SECONDS = 2.0  # longest time that a follower is away between two calls


class EventLog:
    """Keeps every event but the ticks, of which the newest counts.  Any thread may tell or follow.

    ``journal``: a file that gets a line of JSON for every kept event.
    """

    def __init__(self, journal: Path | None = None) -> None:
        self._journal = journal.open("ab", buffering=0) if journal else None
        self._changed = Condition()
        self._events: list[Event] = []
        self._tick: Tick | None = None
        self._over = self._heard = False
        self._followers, self._left = 0, -PAUSE_SECONDS  # those who wait here, and when one last went

    def tell(self, event: Event) -> None:
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
        """What happened since the follower last asked; waits for something to happen."""
        deadline = time.monotonic() + POLL_SECONDS
        with self._changed:
            self._followers += 1
            while not self._over and not self._is_news(follow) and self._changed.wait(deadline - time.monotonic()):
                pass
            self._followers, self._left, self._heard = self._followers - 1, time.monotonic(), self._over
            self._changed.notify_all()
            return EventBatch(self._events[follow.seen :], self._tick, self._over)

    def close(self) -> None:
        """Nothing more will be told; waits for those who listen now, or did a moment ago."""
        deadline = time.monotonic() + FAREWELL_SECONDS
        with self._changed:
            self._over = True
            self._changed.notify_all()
            followed = self._followers or time.monotonic() - self._left < PAUSE_SECONDS
            while (self._followers or (followed and not self._heard)) and self._changed.wait(
                deadline - time.monotonic()
            ):
                pass
            if self._journal:
                self._journal.close()
                self._journal = None

    def _is_news(self, follow: FollowEvents) -> bool:
        return len(self._events) > follow.seen or (self._tick is not None and self._tick.step != follow.step)
