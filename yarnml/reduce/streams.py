"""A worker's connections to the reducers, and the inbox in which the totals that come on them are put together."""

import queue
import threading
from typing import NamedTuple, Protocol

from yarnml.control.codec import encode
from yarnml.errors import WorkerLost, kind_and_line
from yarnml.reduce.connections.base import Connection, ConnectionLost
from yarnml.reduce.keyed import KeyedVector, bytes_of, sent_bytes
from yarnml.reduce.reducer import StepAborted, StepExpired, StepKey
from yarnml.reduce.tree import Chunk, Value, Vector, place
from yarnml.reduce.wire import Part, chunk_of, decode_part, decode_refusal


class Traffic:
    """Counts the messages with a vector that went one way, and the bytes of their vectors."""

    def __init__(self) -> None:
        self.messages = 0
        self.bytes = 0

    def add(self, values: Chunk) -> None:
        self.messages += 1
        self.bytes += sent_bytes(values)


class Sink(Protocol):
    """The receiver of the totals that come on streams.  Each stream calls it from threads of its own."""

    def buffer(self, stream: "Stream", part: Part) -> Vector | None:
        """The memory to receive a total into, if there is any."""

    def put(self, stream: "Stream", part: Part, values: Chunk) -> None:
        """Take in a total."""

    def fail(self, stream: "Stream", reason: str, kind: type[WorkerLost] = WorkerLost) -> None:
        """Note that no more totals will come on this stream."""


class Stream:
    """A worker's connection to one reducer: a thread that sends, a thread that receives."""

    def __init__(self, address: str, connection: Connection, sink: Sink) -> None:
        self.address = address
        self.closing = False
        self._connection = connection
        self._sink = sink
        # The parts to send; None ends the sending thread.
        self._outbox: queue.SimpleQueue[tuple[Part, Chunk] | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=target, daemon=True, name=target.__name__) for target in (self._send, self._receive)
        ]
        for thread in self._threads:
            thread.start()

    def put(self, part: Part, values: Chunk) -> None:
        """Send a part; never waits.  The vector must not change before its step is over."""
        self._outbox.put((part, values))

    def _send(self) -> None:
        try:
            while (item := self._outbox.get()) is not None:
                part, values = item
                self._connection.send(encode(part), bytes_of(values))
            self._connection.finish()
        except ConnectionLost as exc:
            self._sink.fail(self, str(exc))

    def _receive(self) -> None:
        try:
            for header, values in self._connection.messages(self._find_buffer):
                if values is None:
                    refusal = decode_refusal(header)
                    return self._sink.fail(self, refusal.reason, StepExpired if refusal.late else WorkerLost)
                part = decode_part(header)
                self._sink.put(self, part, chunk_of(part, values))
            self._sink.fail(self, "it closed the stream")
        except ConnectionLost as exc:
            self._sink.fail(self, str(exc))
        except Exception as exc:  # whatever the reducer sent, the wait for its totals must end
            self._sink.fail(self, kind_and_line(exc))

    def _find_buffer(self, header: bytes) -> Vector | None:
        return self._sink.buffer(self, decode_part(header))

    def close(self) -> None:
        """Say that nothing more will be sent, then close; a reducer that does not answer in time is cut off."""
        self.closing = True
        self._outbox.put(None)
        for thread in self._threads:
            thread.join(1.0)
        if any(thread.is_alive() for thread in self._threads):
            self._connection.abort()
        self._connection.close()


class Destination(NamedTuple):
    """The value that one reducer's totals go into, and the bounds of its chunks in there."""

    chunks: list[tuple[int, int]]
    value: Value


class _Place(NamedTuple):
    """Elements of a value."""

    value: Value
    low: int
    high: int


class _Awaited(NamedTuple):
    """A step whose totals are awaited.

    ``destinations``: where they go; ``outstanding``: (address, chunk) of those that are still to come.
    """

    destinations: dict[str, Destination]
    outstanding: set[tuple[str, int]]


class Inbox:
    """Puts the totals of steps together, as they come on all receiving threads.

    One condition guards every field.  Its lock is not held while a vector is received: the thread asks for a buffer,
    which is a view of the total itself, receives into it, and comes back with `put`.  In between the step may have been
    aborted and the next one begun, so `put` looks again whether the total is still awaited; and the next step gets a
    value of its own, so that bytes which are still on their way end in memory that is not read
    (`yarnml.reduce.allreduce`).
    """

    def __init__(self) -> None:
        self.received = Traffic()
        self._changed = threading.Condition()
        # Address → why no more totals come from there.
        self._failures: dict[str, WorkerLost] = {}
        # Steps of generations before this one were aborted.
        self._aborted_before = 0
        self._awaited: dict[StepKey, _Awaited] = {}

    def expect(self, key: StepKey, destinations: dict[str, Destination]) -> None:
        """Await ``key``'s totals from now on, and none of other generations.

        ``destinations``: by the reducer's address.
        """
        outstanding = {
            (address, number)
            for address, destination in destinations.items()
            for number in range(len(destination.chunks))
        }
        with self._changed:
            for other in [k for k in self._awaited if k.generation != key.generation]:
                del self._awaited[other]
            self._awaited[key] = _Awaited(destinations, outstanding)

    def forget(self, key: StepKey) -> None:
        """Await ``key``'s totals no more: they have come."""
        with self._changed:
            del self._awaited[key]

    def _failure(self, key: StepKey) -> WorkerLost | None:
        """The reason why the totals of ``key`` will not come."""
        if key.generation < self._aborted_before:
            return StepAborted(f"Step {key.step} was given up.")
        return next((self._failures[a] for a in self._awaited[key].destinations if a in self._failures), None)

    def has_failed(self, address: str) -> bool:
        """Tell whether the stream from this address gives no more totals."""
        return address in self._failures

    def forget_failure(self, address: str) -> None:
        """Prepare for a new stream to this address."""
        with self._changed:
            self._failures.pop(address, None)

    def abort_before(self, generation: int) -> None:
        """End the wait for totals of generations before this one."""
        with self._changed:
            self._aborted_before = max(self._aborted_before, generation)
            self._changed.notify_all()

    def buffer(self, stream: Stream, part: Part) -> Vector | None:
        """The memory for a total; None where it is not awaited, or came before."""
        with self._changed:
            destination = self._destination(stream, part)
            if destination is None or isinstance(destination.value, KeyedVector):
                return None
            buffer: Vector = destination.value[destination.low : destination.high]
            return buffer

    def put(self, stream: Stream, part: Part, values: Chunk) -> None:
        """Take in a total, which mostly is in its buffer already."""
        with self._changed:
            self.received.add(values)
            destination = self._destination(stream, part)
            if destination is None:
                return
            place(values, destination.value, destination.low, destination.high)
            outstanding = self._awaited[StepKey(part.generation, part.step)].outstanding
            outstanding.remove((stream.address, part.chunk))
            if not outstanding:
                self._changed.notify_all()

    def _destination(self, stream: Stream, part: Part) -> _Place | None:
        """The place of a total; None where it is not awaited, or came before."""
        awaited = self._awaited.get(StepKey(part.generation, part.step))
        if awaited is None or (stream.address, part.chunk) not in awaited.outstanding:
            return None
        chunks, value = awaited.destinations[stream.address]
        return _Place(value, *chunks[part.chunk])

    def fail(self, stream: Stream, reason: str, kind: type[WorkerLost] = WorkerLost) -> None:
        """Note that no more totals will come on this stream; the first reason counts."""
        with self._changed:
            if not stream.closing:
                self._failures.setdefault(stream.address, kind(f"The reducer at {stream.address} gave up: {reason}"))
                self._changed.notify_all()

    def wait(self, key: StepKey, seconds: float) -> bool:
        """Wait until all totals of ``key`` have come; False after ``seconds``.  Raises why they will not come."""
        with self._changed:
            outstanding = self._awaited[key].outstanding
            self._changed.wait_for(lambda: not outstanding or self._failure(key) is not None, seconds)
            failure = self._failure(key)
            if outstanding and failure:
                raise failure
            return not outstanding
