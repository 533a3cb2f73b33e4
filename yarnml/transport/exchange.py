"""The exchange between processes: one connection per worker and reducer.

Vectors travel in chunks, each behind a `Part`, and on both sides one thread sends while another receives: above one
chunk, two ends that only send would block each other with full buffers.  This is the worker's end; the reducer's is in
`server.py`.
"""

import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from yarnml.aligned import empty
from yarnml.errors import WorkerLost
from yarnml.parts import Hello, Part
from yarnml.reducer import Reducer, StepKey, chunk_bounds, slice_bounds, slices_for
from yarnml.transport import flight, sockets
from yarnml.transport.base import Late, never
from yarnml.transport.connection import Broken, Connection
from yarnml.transport.peers import Shelf, fetch
from yarnml.transport.security import Credentials
from yarnml.transport.streams import Inbox, Stream, Traffic
from yarnml.transport.wire import encode
from yarnml.tree import Node, Value, each, pieces

NOTHING = np.empty(0, np.float32)
LOOK_SECONDS = 0.05  # how often a wait for totals looks whether there is something else to do


class PeerExchange:
    """One worker's streams to all reducers; its own slice, if it has one, goes by memory.

    ``sent`` and ``received`` count what went over the streams.
    """

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
        self._streams: dict[str, Stream] = {}
        self._inbox = Inbox()
        self._out: Value = NOTHING
        self.sent, self.received = Traffic(), self._inbox.received

    def meet(self, reducers: list[str], workers: int) -> None:
        self._reducers, self._workers = reducers, workers
        for address in list(self._streams):
            if address not in reducers or self._inbox.broken(address):
                self._streams.pop(address).close()
        for address in reducers:
            if address != self._own_address and address not in self._streams:
                self._inbox.renew(address)
                self._streams[address] = Stream(address, self._connect(address), self._inbox)

    def _connect(self, address: str) -> Connection:
        """By a socket where both processes are on one machine, else by Flight."""
        hello = encode(Hello(self._worker))
        try:
            beside = sockets.connect(address, hello, self._credentials)
            return beside or flight.connect(address, hello, self._credentials)
        except Broken as exc:
            raise WorkerLost(f"The reducer at {address} can't be reached: {exc}") from exc

    def reduce(self, key: StepKey, parts: Mapping[Node, Value], shards: int, late: Late = never) -> Value:
        sample, out = next(iter(parts.values())), self._out
        if _form(out) != _form(sample):
            out = each(lambda piece: empty(piece.shape, piece.dtype), sample)
        self._out = NOTHING  # where this fails, a total on its way must not get into the next one's
        used = self._reducers[: slices_for(len(sample), self._workers, len(self._reducers))]
        bounds = slice_bounds(len(sample), len(used))
        cut = len(pieces(sample)[0])
        slices = {address: chunk_bounds(*at, cut) for address, at in zip(used, bounds, strict=True)}
        self._inbox.open(key, {a: (chunks, out) for a, chunks in slices.items() if a in self._streams})
        self._send(key, parts, shards, slices)
        own = slices.get(self._own_address, [])
        began = time.monotonic()
        while not (self._inbox.wait(LOOK_SECONDS) and (not own or self._own.wait(key, LOOK_SECONDS))):
            waited = time.monotonic() - began
            if waited > self._timeout:
                raise WorkerLost(f"Step {key.step} waits for {self._wanting(key)} since {self._timeout:.0f} s.")
            self._send(key, late(waited), shards, slices)
        for number, (low, high) in enumerate(own):
            out[low:high][:] = self._own.total(key, number, 0.0)
        self._out = out
        return out

    def _send(
        self, key: StepKey, parts: Mapping[Node, Value], shards: int, slices: Mapping[str, list[tuple[int, int]]]
    ) -> None:
        """Give every reducer its slice of each part."""
        for address, chunks in slices.items():
            for number, (low, high) in enumerate(chunks):
                for node, value in parts.items():
                    chunk = value[low:high]
                    part = Part(*key, shards, node.level, node.place, number, len(chunks), chunk.dtype.name)
                    if address in self._streams:
                        self._streams[address].put(part, chunk)
                        self.sent.add(chunk)
                    else:
                        self._own.add(part, chunk)

    def _wanting(self, key: StepKey) -> str:
        missing = self._own.missing(key)
        return f"shards {missing}" if missing else "totals"

    def abandon(self, meeting: int) -> None:
        self._own.abandon(meeting)
        self._inbox.abandon(meeting)

    def publish(self, step: int, state: bytes | bytearray) -> None:
        self._shelf.publish(step, state)

    def fetch(self, address: str, step: int) -> bytes:
        return fetch(address, step, self._credentials, self._timeout)

    def close(self) -> None:
        for stream in self._streams.values():
            stream.close()
        self._streams.clear()


def _form(value: Value) -> list[tuple[int, np.dtype[Any]]]:
    """Length and dtype of each of its pieces."""
    return [(len(piece), piece.dtype) for piece in pieces(value)]
