"""The exchange over Arrow Flight: one bidirectional stream (DoExchange) per worker and reducer.

Vectors travel in chunks, and on both sides one thread sends while another receives: above one chunk, two ends that
only send would block on full flow-control windows.  A chunk is a record batch of one byte column beside a `Part`.
"""

import contextlib
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.flight as fl

from yarnml.errors import WorkerLost
from yarnml.parts import Hello, Part, Refusal
from yarnml.reducer import GivenUp, Reducer, StepKey, TooLate, chunk_bounds, slice_bounds, slices_for
from yarnml.transport import raw
from yarnml.transport.base import Late, never
from yarnml.transport.peers import Shelf, StateStream, fetch
from yarnml.transport.security import Credentials
from yarnml.transport.wire import decode_hello, decode_part, decode_refusal, encode
from yarnml.tree import Node, Vector

LINGER_SECONDS = 0.004
FETCH_SECONDS = 60.0  # for the state of another worker to be published
LOOK_SECONDS = 0.05  # how often a wait for totals looks whether there is something else to do


def _values(batch: pa.RecordBatch, dtype: str) -> Vector:
    return np.frombuffer(raw.view(batch), np.uint8).view(dtype)


class ReducerServer(fl.FlightServerBase):  # type: ignore[misc]
    """Puts a `Reducer` on the network, and the state that a worker published; ``address`` is where it listens."""

    def __init__(self, reducer: Reducer, host: str, credentials: Credentials, timeout: float) -> None:
        self._reducer, self._timeout, self.shelf = reducer, timeout, Shelf()
        super().__init__(f"{credentials.scheme}://{host}:0", **credentials.serving())
        self.address = f"{host}:{self.port}"

    def do_get(self, context: Any, ticket: Any) -> Any:
        return StateStream(self.shelf.wait(int(ticket.ticket), FETCH_SECONDS))

    def do_exchange(self, context: Any, descriptor: Any, reader: Any, writer: Any) -> None:
        decode_hello(descriptor.command)
        writer.begin(raw.SCHEMA)
        asked: queue.SimpleQueue[Part | None] = queue.SimpleQueue()
        left = threading.Event()
        sender = threading.Thread(target=self._answer, args=(asked, writer, left), name="totals", daemon=True)
        sender.start()
        newest = StepKey(-1, -1)
        try:
            for batch, metadata in _chunks(reader):
                part = decode_part(metadata)
                assert batch is not None
                if (key := StepKey(part.meeting, part.step)) > newest:
                    newest = key
                    asked.put(part)
                self._reducer.add(part, _values(batch, part.dtype))
        finally:
            asked.put(None)
            left.set()
            sender.join()  # it must not write to a stream that is gone

    def _answer(self, asked: "queue.SimpleQueue[Part | None]", writer: Any, left: threading.Event) -> None:
        """Send every total of the steps that this worker takes part in, in order; where that fails, the reason."""
        with contextlib.suppress(pa.ArrowException):
            try:
                while (part := asked.get()) is not None:
                    with contextlib.suppress(GivenUp):  # nobody waits for it any more; the stream goes on
                        self._answer_step(part, writer, left)
            except WorkerLost as exc:
                writer.write_metadata(encode(Refusal(str(exc), isinstance(exc, TooLate))))

    def _answer_step(self, part: Part, writer: Any, left: threading.Event) -> None:
        key = StepKey(part.meeting, part.step)
        for chunk in range(part.chunks):
            total = self._reducer.total(key, chunk, self._timeout, left)
            header = Part(part.meeting, part.step, part.shards, 0, 0, chunk, part.chunks, part.dtype)
            writer.write_with_metadata(raw.batch(total), encode(header))


def _chunks(reader: Any) -> Iterator[tuple[pa.RecordBatch | None, bytes]]:
    """What arrives on a stream until the other end closes it; a message without a batch is a reason to stop."""
    while True:
        try:
            chunk = reader.read_chunk()
        except StopIteration:
            return
        yield chunk.data, chunk.app_metadata.to_pybytes()


def _linger(ready: Callable[[], bool]) -> None:
    """Give way to other threads until ``ready``, for LINGER_SECONDS at most.

    The wait for the other workers is mostly short, and waking a thread that sleeps, on a processor that went idle with
    it, takes longer than that.
    """
    end = time.monotonic() + LINGER_SECONDS
    while not ready() and time.monotonic() < end:
        os.sched_yield()


class _Stream:
    """A worker's connection to one reducer: a thread that sends, a thread that receives."""

    def __init__(self, address: str, worker: int, credentials: Credentials, inbox: "_Inbox") -> None:
        self.address = address
        self.closing = False
        self._client = fl.FlightClient(f"{credentials.scheme}://{address}", **credentials.calling())
        options = fl.FlightCallOptions(headers=credentials.headers)
        descriptor = fl.FlightDescriptor.for_command(encode(Hello(worker)))
        self._writer, self._reader = self._client.do_exchange(descriptor, options)
        self._writer.begin(raw.SCHEMA)
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
                self._writer.write_with_metadata(raw.batch(values), encode(part))
            self._writer.done_writing()
        except pa.ArrowException as exc:
            self._inbox.fail(self, str(exc).splitlines()[0])

    def _receive(self) -> None:
        try:
            for batch, metadata in _chunks(self._reader):
                if batch is None:
                    refusal = decode_refusal(metadata)
                    return self._inbox.fail(self, refusal.reason, TooLate if refusal.late else WorkerLost)
                part = decode_part(metadata)
                self._inbox.put(self, part, _values(batch, part.dtype))
            self._inbox.fail(self, "it closed the stream")
        except Exception as exc:  # whatever it sent, the wait for its totals must end
            self._inbox.fail(self, f"{type(exc).__name__}: {str(exc).partition(chr(10))[0]}")

    def close(self) -> None:
        """Hang up in order; a reducer that does not answer is cut off."""
        self.closing = True
        self._outbox.put(None)
        for thread in self._threads:
            thread.join(1.0)
        if any(thread.is_alive() for thread in self._threads):
            self._reader.cancel()
        with contextlib.suppress(pa.ArrowException):
            self._client.close()


class _Inbox:
    """Where totals of the current step are put together, by all receiving threads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._broken: dict[str, WorkerLost] = {}  # address → what happened to the stream
        self._over = 0  # meetings before this one were given up
        self._key = StepKey(-1, -1)
        self._left: set[tuple[str, int]] = set()  # (address, chunk) of the totals that are still to come
        self._target: dict[str, tuple[list[tuple[int, int]], Vector]] = {}

    def open(self, key: StepKey, target: dict[str, tuple[list[tuple[int, int]], Vector]]) -> None:
        """Expect ``key``'s totals: reducer address → the chunks of its slice, and the vector they go into."""
        with self._changed:
            self._key, self._target = key, target
            self._left = {(address, n) for address, (chunks, _) in target.items() for n in range(len(chunks))}

    @property
    def settled(self) -> bool:
        """Whether there is nothing to wait for any more; never waits."""
        return not self._left or self._reason is not None

    @property
    def _reason(self) -> WorkerLost | None:
        """Why the totals that are expected will not come."""
        if self._key.meeting < self._over:
            return GivenUp(f"Step {self._key.step} was given up.")
        return next((self._broken[a] for a in self._target if a in self._broken), None)

    def broken(self, address: str) -> bool:
        return address in self._broken

    def renew(self, address: str) -> None:
        """A stream to this address is opened anew."""
        with self._changed:
            self._broken.pop(address, None)

    def abandon(self, meeting: int) -> None:
        """Wake who waits for totals of a meeting before this one."""
        with self._changed:
            self._over = max(self._over, meeting)
            self._changed.notify_all()

    def put(self, stream: _Stream, part: Part, values: Vector) -> None:
        with self._changed:
            chunk = stream.address, part.chunk
            if StepKey(part.meeting, part.step) != self._key or chunk not in self._left:
                return  # nobody asked for it, or it came before
            chunks, out = self._target[stream.address]
            low, high = chunks[part.chunk]
            out[low:high] = values
            self._left.remove(chunk)
            if not self._left:
                self._changed.notify_all()

    def fail(self, stream: _Stream, reason: str, kind: type[WorkerLost] = WorkerLost) -> None:
        with self._changed:
            if not stream.closing:
                self._broken.setdefault(stream.address, kind(f"The reducer at {stream.address} gave up: {reason}"))
                self._changed.notify_all()

    def wait(self, seconds: float) -> bool:
        """Whether all totals are there; raises why they will not come."""
        with self._changed:
            self._changed.wait_for(lambda: self.settled, seconds)
            if self._left and self._reason:
                raise self._reason
            return not self._left


class FlightExchange:
    """One worker's streams to all reducers; its own slice, if it has one, goes by memory."""

    def __init__(
        self,
        worker: int,
        own: Reducer,
        own_address: str,
        credentials: Credentials,
        timeout: float,
        shelf: Shelf | None = None,
    ) -> None:
        self._worker, self._own, self._own_address, self._shelf = worker, own, own_address, shelf or Shelf()
        self._credentials, self._timeout = credentials, timeout
        self._reducers: list[str] = []
        self._workers = 1
        self._streams: dict[str, _Stream] = {}
        self._inbox = _Inbox()
        self._out: Vector = np.empty(0, np.float32)
        self.bytes_sent = 0

    def meet(self, reducers: list[str], workers: int) -> None:
        self._reducers, self._workers = reducers, workers
        for address in list(self._streams):
            if address not in reducers or self._inbox.broken(address):
                self._streams.pop(address).close()
        for address in reducers:
            if address != self._own_address and address not in self._streams:
                self._inbox.renew(address)
                try:
                    self._streams[address] = _Stream(address, self._worker, self._credentials, self._inbox)
                except pa.ArrowException as exc:
                    raise WorkerLost(f"The reducer at {address} can't be reached: {str(exc).splitlines()[0]}") from exc

    def reduce(self, key: StepKey, parts: Mapping[Node, Vector], shards: int, late: Late = never) -> Vector:
        sample = next(iter(parts.values()))
        if self._out.shape != sample.shape or self._out.dtype != sample.dtype:
            self._out = np.empty_like(sample)
        used = self._reducers[: slices_for(len(sample), self._workers, len(self._reducers))]
        bounds = slice_bounds(len(sample), len(used))
        slices = {address: chunk_bounds(*at) for address, at in zip(used, bounds, strict=True)}
        self._inbox.open(key, {a: (chunks, self._out) for a, chunks in slices.items() if a in self._streams})
        self._send(key, parts, shards, slices)
        own = slices.get(self._own_address, [])
        _linger(lambda: self._inbox.settled and (not own or self._own.finished(key)))
        began = time.monotonic()
        while not (self._inbox.wait(LOOK_SECONDS) and (not own or self._own.wait(key, LOOK_SECONDS))):
            waited = time.monotonic() - began
            if waited > self._timeout:
                raise WorkerLost(f"Step {key.step} waits for {self._wanting(key)} since {self._timeout:.0f} s.")
            self._send(key, late(waited), shards, slices)
        for number, (low, high) in enumerate(own):
            self._out[low:high] = self._own.total(key, number, 0.0)
        return self._out

    def _send(
        self, key: StepKey, parts: Mapping[Node, Vector], shards: int, slices: Mapping[str, list[tuple[int, int]]]
    ) -> None:
        """Give every reducer its slice of each part."""
        for address, chunks in slices.items():
            for number, (low, high) in enumerate(chunks):
                for node, vector in parts.items():
                    part = Part(*key, shards, node.level, node.place, number, len(chunks), vector.dtype.str)
                    if address in self._streams:
                        self._streams[address].put(part, vector[low:high])
                        self.bytes_sent += vector[low:high].nbytes
                    else:
                        self._own.add(part, vector[low:high])

    def _wanting(self, key: StepKey) -> str:
        missing = self._own.missing(key)
        return f"shards {missing}" if missing else "totals"

    def abandon(self, meeting: int) -> None:
        self._own.abandon(meeting)
        self._inbox.abandon(meeting)

    def publish(self, step: int, state: bytes) -> None:
        self._shelf.publish(step, state)

    def fetch(self, address: str, step: int) -> bytes:
        return fetch(address, step, self._credentials, self._timeout)

    def close(self) -> None:
        for stream in self._streams.values():
            stream.close()
        self._streams.clear()
