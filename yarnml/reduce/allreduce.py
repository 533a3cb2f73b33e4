"""The exchange between processes: one connection per worker and reducer, or relay of its group.

Vectors travel in chunks, each behind a `Part`, and on both sides one thread sends while another receives: above one
chunk, two ends that only send would block each other with full buffers.  This is the worker's end; the reducer's is in
`server.py`.
"""

import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from yarnml.control.codec import encode
from yarnml.control.credentials import Credentials
from yarnml.data.aligned import empty
from yarnml.errors import WorkerLost
from yarnml.reduce.base import Late, never
from yarnml.reduce.connections import flight, sockets
from yarnml.reduce.connections.base import Broken, Connection
from yarnml.reduce.reducer import StepKey, Sums, chunk_bounds, overdue, slice_bounds
from yarnml.reduce.routing import RELAY, Routes
from yarnml.reduce.server import PeerServices
from yarnml.reduce.state_transfer import fetch
from yarnml.reduce.streams import Inbox, Stream, Traffic
from yarnml.reduce.tree import Node, Value, map_pieces, pieces
from yarnml.reduce.uplink import Uplink
from yarnml.reduce.wire import Hello, Part

NOTHING = np.empty(0, np.float32)
LOOK_SECONDS = 0.05  # how often a wait for totals looks whether there is something else to do


class NetworkAllReduce:
    """One worker's streams to reducers and relays; its own slice, if it has one, goes by memory.

    ``home`` is its own, at ``address``.  ``sent`` and ``received`` count what went over the streams; ``passed_on`` and
    ``passed_back`` what went over that of its relay to the reducer above.
    """

    def __init__(self, worker: int, home: PeerServices, address: str, credentials: Credentials, timeout: float) -> None:
        self._worker, self._own, self._relay, self._shelf = worker, home.reducer, home.relay, home.shelf
        self._here: dict[str, Sums] = {address: self._own, address + RELAY: self._relay}
        self._credentials, self._timeout = credentials, timeout
        self._routes = Routes([], 1)
        self._streams: dict[str, Stream] = {}
        self._inbox = Inbox()
        self._out: Value = NOTHING
        self.sent, self.received = Traffic(), self._inbox.received
        self.passed_on, self.passed_back = Traffic(), Traffic()
        self._upward = self._way_up("")

    def begin(self, routes: Routes) -> None:
        self._routes = routes
        for address in list(self._streams):
            if address not in [*routes.reducers, *routes.relays] or self._inbox.broken(address):
                self._streams.pop(address).close()
        if routes.above != self._upward.address or self._upward.broken:
            self._upward.close()
            self._upward = self._way_up(routes.above)
        self._relay.begin(routes.generation, routes.shards, self._upward.send)

    @property
    def open(self) -> int:
        """How many reducers and relays it has a stream to."""
        return len(self._streams)

    def _way_up(self, address: str) -> Uplink:
        return Uplink(address, self._relay, self._connect, self.passed_on, self.passed_back)

    def _reach(self, address: str) -> None:
        """A stream to who has a slice for the first time: a vector mostly needs few of all that there are."""
        if address not in self._here and address not in self._streams:
            self._inbox.renew(address)
            self._streams[address] = Stream(address, self._connect(address), self._inbox)

    def _connect(self, way: str) -> Connection:
        """By a socket where both processes are on one machine, else by Flight."""
        address = way.removesuffix(RELAY)
        hello = encode(Hello(self._worker, relay=address != way))
        try:
            beside = sockets.connect(address, hello, self._credentials)
            return beside or flight.connect(address, hello, self._credentials)
        except Broken as exc:
            raise WorkerLost(f"The reducer at {address} can't be reached: {exc}") from exc

    def reduce(self, key: StepKey, parts: Mapping[Node, Value], shards: int, late: Late = never) -> Value:
        sample, out = next(iter(parts.values())), self._out
        if _form(out) != _form(sample):
            out = map_pieces(lambda piece: empty(piece.shape, piece.dtype), sample)
        self._out = NOTHING  # where this fails, a total on its way must not get into the next one's
        used = self._routes.of(len(sample))
        bounds = slice_bounds(len(sample), len(used))
        cut = len(pieces(sample)[0])
        slices = {address: chunk_bounds(*at, cut) for address, at in zip(used, bounds, strict=True)}
        for address in slices:
            self._reach(address)
        self._inbox.open(key, {a: (chunks, out) for a, chunks in slices.items() if a in self._streams})
        self._send(key, parts, shards, slices)
        mine, sums = next(((slices[a], sums) for a, sums in self._here.items() if a in slices), ([], self._own))
        began = time.monotonic()
        # both each time: a relay looks after its group when it is asked
        while not all((self._inbox.wait(LOOK_SECONDS), not mine or sums.wait(key, LOOK_SECONDS))):
            waited = time.monotonic() - began
            if waited > self._timeout:
                raise overdue(key, sums.missing(key), "totals", self._timeout)
            self._send(key, late(waited), shards, slices)
        for number, (low, high) in enumerate(mine):
            out[low:high][:] = sums.total(key, number, 0.0)
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
                        self._here[address].add(part, chunk)

    def abandon(self, generation: int) -> None:
        self._own.abandon(generation)
        self._relay.abandon(generation)
        self._inbox.abandon(generation)

    def publish(self, step: int, state: bytes | bytearray) -> None:
        self._shelf.publish(step, state)

    def fetch(self, address: str, step: int) -> bytes:
        return fetch(address, step, self._credentials, self._timeout)

    def close(self) -> None:
        for stream in self._streams.values():
            stream.close()
        self._streams.clear()
        self._upward.close()


def _form(value: Value) -> list[tuple[int, np.dtype[Any]]]:
    """Length and dtype of each of its pieces."""
    return [(len(piece), piece.dtype) for piece in pieces(value)]
