"""A worker's connections to the reducers, and where the totals that come in on them are put together."""

import queue
import threading
from typing import Protocol

from yarnml.control.codec import encode
from yarnml.errors import WorkerLost
from yarnml.reduce.connections.base import Broken, Connection
from yarnml.reduce.reducer import StepAborted, StepExpired, StepKey
from yarnml.reduce.tree import Value, Vector
from yarnml.reduce.wire import Part, decode_part, decode_refusal


class Traffic:
    """What has passed one way: messages with a vector in them, and the bytes of the vectors."""

    def __init__(self) -> None:
        self.messages = self.bytes = 0

    def add(self, values: Vector) -> None:
        self.messages, self.bytes = self.messages + 1, self.bytes + values.nbytes


class Sink(Protocol):
    """Where the totals go that come in on streams."""

    def room(self, stream: "Stream", part: Part) -> Vector | None:
        """The memory to receive a total into, if there is any."""

    def put(self, stream: "Stream", part: Part, values: Vector) -> None:
        """A total has come."""

    def fail(self, stream: "Stream", reason: str, kind: type[WorkerLost] = WorkerLost) -> None:
        """No more totals will come on this stream."""


class Stream:
    """A worker's connection to one reducer: a thread that sends, a thread that receives."""

    def __init__(self, address: str, connection: Connection, inbox: Sink) -> None:
        self.address, self._connection = address, connection
        self.closing = False
        self._outbox: queue.SimpleQueue[tuple[Part, Vector] | None] = queue.SimpleQueue()
        self._inbox = inbox
        self._threads = [threading.Thread(target=t, daemon=True, name=t.__name__) for t in (self._send, self._receive)]
        for thread in self._threads:
            thread.start()

    def put(self, part: Part, values: Vector) -> None:
        self._outbox.put((part, values))

    def _send(self) -> None:
        try:
            while (item := self._outbox.get()) is not None:
                part, values = item
                self._connection.send(encode(part), values)
            self._connection.finish()
        except Broken as exc:
            self._inbox.fail(self, str(exc))

    def _receive(self) -> None:
        try:
            for header, values in self._connection.messages(self._room):
                if values is None:
                    refusal = decode_refusal(header)
                    return self._inbox.fail(self, refusal.reason, StepExpired if refusal.late else WorkerLost)
                part = decode_part(header)
                self._inbox.put(self, part, values.view(part.dtype))
            self._inbox.fail(self, "it closed the stream")
        except Broken as exc:
            self._inbox.fail(self, str(exc))
        except Exception as exc:  # whatever it sent, the wait for its totals must end
            self._inbox.fail(self, f"{type(exc).__name__}: {str(exc).partition(chr(10))[0]}")

    def _room(self, header: bytes) -> Vector | None:
        return self._inbox.room(self, decode_part(header))

    def close(self) -> None:
        """Hang up in order; a reducer that does not answer is cut off."""
        self.closing = True
        self._outbox.put(None)
        for thread in self._threads:
            thread.join(1.0)
        if any(thread.is_alive() for thread in self._threads):
            self._connection.cut()
        self._connection.close()


class Inbox:
    """Where totals of the current step are put together, by all receiving threads."""

    def __init__(self) -> None:
        self.received = Traffic()
        self._changed = threading.Condition()
        self._broken: dict[str, WorkerLost] = {}  # address → what happened to the stream
        self._over = 0  # meetings before this one were given up
        self._key = StepKey(-1, -1)
        self._left: set[tuple[str, int]] = set()  # (address, chunk) of the totals that are still to come
        self._target: dict[str, tuple[list[tuple[int, int]], Value]] = {}

    def open(self, key: StepKey, target: dict[str, tuple[list[tuple[int, int]], Value]]) -> None:
        """Expect ``key``'s totals: reducer address → the chunks of its slice, and the value they go into."""
        with self._changed:
            self._key, self._target = key, target
            self._left = {(address, n) for address, (chunks, _) in target.items() for n in range(len(chunks))}

    @property
    def _reason(self) -> WorkerLost | None:
        """Why the totals that are expected will not come."""
        if self._key.generation < self._over:
            return StepAborted(f"Step {self._key.step} was given up.")
        return next((self._broken[a] for a in self._target if a in self._broken), None)

    def broken(self, address: str) -> bool:
        return address in self._broken

    def renew(self, address: str) -> None:
        """A stream to this address is opened anew."""
        with self._changed:
            self._broken.pop(address, None)

    def abandon(self, generation: int) -> None:
        """Wake who waits for totals of a meeting before this one."""
        with self._changed:
            self._over = max(self._over, generation)
            self._changed.notify_all()

    def room(self, stream: Stream, part: Part) -> Vector | None:
        """Where a total goes; None where nobody asked for it, or it came before."""
        with self._changed:
            return self._place(stream, part)

    def put(self, stream: Stream, part: Part, values: Vector) -> None:
        """A total has come, mostly into its room."""
        with self._changed:
            self.received.add(values)
            room = self._place(stream, part)
            if room is None:
                return
            if room.ctypes.data != values.ctypes.data:
                room[:] = values
            self._left.remove((stream.address, part.chunk))
            if not self._left:
                self._changed.notify_all()

    def _place(self, stream: Stream, part: Part) -> Vector | None:
        if StepKey(part.generation, part.step) != self._key or (stream.address, part.chunk) not in self._left:
            return None
        chunks, out = self._target[stream.address]
        low, high = chunks[part.chunk]
        return out[low:high]

    def fail(self, stream: Stream, reason: str, kind: type[WorkerLost] = WorkerLost) -> None:
        with self._changed:
            if not stream.closing:
                self._broken.setdefault(stream.address, kind(f"The reducer at {stream.address} gave up: {reason}"))
                self._changed.notify_all()

    def wait(self, seconds: float) -> bool:
        """Whether all totals are there; raises why they will not come."""
        with self._changed:
            self._changed.wait_for(lambda: not self._left or self._reason is not None, seconds)
            if self._left and self._reason:
                raise self._reason
            return not self._left
