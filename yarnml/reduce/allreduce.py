"""The all-reduce between processes: one connection per worker and reducer, or relay of its group.

Vectors travel in chunks, each behind a `Part`, and on both sides one thread sends while another receives: above one
chunk, two ends that only send would block each other with full buffers.  This is the worker's end; the reducer's is in
`server.py`.
"""

import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from yarnml.control.credentials import Credentials
from yarnml.data.aligned import empty
from yarnml.reduce.aggregator import Aggregator
from yarnml.reduce.base import MoreParts, no_more_parts
from yarnml.reduce.blocks import numbers_in
from yarnml.reduce.chunks import Chunks, chunk_bounds, owned_chunks, slice_bounds
from yarnml.reduce.connections.base import Connection
from yarnml.reduce.connections.connect import connect
from yarnml.reduce.keyed import KeyedVector, part_of_place
from yarnml.reduce.owners import Owners
from yarnml.reduce.reducer import StepKey, timeout_error
from yarnml.reduce.routing import RELAY_SUFFIX, Routes
from yarnml.reduce.server import PeerServices
from yarnml.reduce.state_transfer import STATE, fetch
from yarnml.reduce.streams import Destination, Inbox, Stream, Traffic
from yarnml.reduce.tree import Node, Value, map_pieces, pieces, place
from yarnml.reduce.uplink import Uplink
from yarnml.reduce.wire import Hello, Part, header_of

BACKUP_CHECK_SECONDS = 0.05
"""Time between two looks, during the wait for totals, whether there are more parts to give."""


class _Sum(NamedTuple):
    """A sum that was started: where its total is put together, and the chunks that each address gets.

    ``shards``, ``delay``: see `yarnml.reduce.base.AllReduce.start`.
    """

    total: Value
    slices: Mapping[str, Chunks]
    shards: int
    delay: int


class NetworkAllReduce:
    """One worker's streams to reducers and relays; its own slice, if it has one, goes by memory.

    ``sent`` and ``received`` count what went over the streams; ``relay_sent`` and ``relay_received`` what went over the
    stream of its relay to the reducer above.

    ``worker``: this worker's index.
    ``services``: what this process offers to others, at ``address``.
    ``timeout``: seconds that a total may take, or the state of another worker.
    """

    def __init__(
        self, worker: int, services: PeerServices, address: str, credentials: Credentials, timeout: float
    ) -> None:
        self._worker = worker
        self._reducer = services.reducer
        self._relay = services.relay
        self._states = services.states
        self._services = services
        self._credentials = credentials
        self._timeout = timeout
        # The addresses to which parts go by memory.
        self._local: dict[str, Aggregator] = {address: self._reducer, address + RELAY_SUFFIX: self._relay}
        self._routes = Routes([], 1)
        self._streams: dict[str, Stream] = {}
        self._inbox = Inbox()
        self._sums: dict[StepKey, _Sum] = {}  # that were started
        self._spare: list[Value] = []  # the memory of totals that were used, for the next ones of the same layout
        self.sent = Traffic()
        self.received = self._inbox.received
        self.relay_sent = Traffic()
        self.relay_received = Traffic()
        self._uplink = self._new_uplink("")
        self.owners: Owners | None = Owners(
            self._connect_table, self.sent, self.received, {address: services.tables.answer}
        )

    def begin(self, routes: Routes) -> None:
        """Send parts along these routes from now on; close streams that they don't use, or that have failed."""
        self._routes = routes
        self._sums.clear()
        for address in list(self._streams):
            if address not in [*routes.reducers, *routes.relays] or self._inbox.has_failed(address):
                self._streams.pop(address).close()
        if routes.reducer_above != self._uplink.address or self._uplink.failure:
            self._uplink.close()
            self._uplink = self._new_uplink(routes.reducer_above)
        self._relay.begin(routes.generation, routes.shards, self._uplink.send)

    @property
    def stream_count(self) -> int:
        """The number of reducers and relays that it has a stream to."""
        return len(self._streams)

    def _new_uplink(self, address: str) -> Uplink:
        return Uplink(address, self._relay, self._connect, self.relay_sent, self.relay_received)

    def _ensure_stream(self, address: str) -> None:
        """Open the stream to a reducer or relay when it is used first: a vector mostly needs few of all."""
        if address not in self._local and address not in self._streams:
            self._inbox.forget_failure(address)
            self._streams[address] = Stream(address, self._connect(address), self._inbox)

    def _connect(self, route_address: str) -> Connection:
        """Connect to a reducer or relay."""
        address = route_address.removesuffix(RELAY_SUFFIX)
        return connect(address, Hello(self._worker, relay=address != route_address), self._credentials)

    def _connect_table(self, address: str) -> Connection:
        """Connect to a process that keeps parts of a table."""
        return connect(address, Hello(self._worker, table=True), self._credentials)

    def reduce(self, key: StepKey, parts: Mapping[Node, Value], shards: int) -> Value:
        self.start(key, parts, shards)
        return self.wait(key)

    def start(self, key: StepKey, parts: Mapping[Node, Value], shards: int, delay: int = 0) -> None:
        sample = next(iter(parts.values()))
        # The inbox expects the totals before the first part is sent: with the part of the slowest worker a reducer
        # answers at once, and a total that is not expected is dropped.
        total = self._take_total(sample)
        slices = self._cut(sample)
        for address in slices:
            self._ensure_stream(address)
        self._inbox.expect(
            key,
            {address: Destination(chunks, total) for address, chunks in slices.items() if address in self._streams},
        )
        self._sums[key] = _Sum(total, slices, shards, delay)
        self._send(key, parts)

    def wait(self, key: StepKey, more_parts: MoreParts = no_more_parts) -> Value:
        total, slices, _, _ = self._sums[key]
        # At most one slice goes by memory: with one level its reducer's, with two its relay's.
        own = next(((slices[address], sums) for address, sums in self._local.items() if address in slices), None)
        own_chunks, aggregator = own or ([], self._reducer)
        began = time.monotonic()
        while True:
            # Both waits each time: a relay sees after its group only when it is asked, and a worker that is still
            # waiting for other slices must not keep its group waiting.
            has_streamed = self._inbox.wait(key, BACKUP_CHECK_SECONDS)
            has_own = not own_chunks or aggregator.wait(key, BACKUP_CHECK_SECONDS)
            if has_streamed and has_own:
                break
            waited = time.monotonic() - began
            if waited > self._timeout:
                raise timeout_error(key, aggregator.missing_shards(key), "totals", self._timeout)
            self._send(key, more_parts(waited))
        for number, (low, high) in enumerate(own_chunks):
            place(aggregator.total(key, number, 0.0), total, low, high)
        del self._sums[key]
        self._inbox.forget(key)
        if not isinstance(total, KeyedVector):
            self._spare.append(total)
        return total

    def _take_total(self, sample: Value) -> Value:
        """The memory of a used total where it has the sample's layout, else new memory; so always for runs.

        It is given back by a `wait` that succeeds.  After one that fails, the next gets new memory: a total that is
        still on its way into the old one must not change the next step's.
        """
        if isinstance(sample, KeyedVector):
            return sample.empty_like()
        while self._spare:
            total = self._spare.pop()
            if _layout(total) == _layout(sample):
                return total
        return map_pieces(lambda piece: empty(piece.shape, piece.dtype), sample)

    def _cut(self, sample: Value) -> dict[str, Chunks]:
        """The chunks of each slice of a value, by the address that gets the slice."""
        if self._routes.owners and isinstance(sample, KeyedVector):
            return owned_chunks(len(sample.dense), self._routes.owners)
        first = pieces(sample)[0]
        boundary = len(first)  # a chunk has one type, so none crosses from one piece to the next
        numbers = numbers_in(first.dtype)
        addresses = self._routes.addresses(len(sample) - boundary + boundary * numbers)
        bounds = slice_bounds(len(sample), len(addresses))
        return {
            address: chunk_bounds(low, high, boundary, numbers)
            for address, (low, high) in zip(addresses, bounds, strict=True)
        }

    def _send(self, key: StepKey, parts: Mapping[Node, Value]) -> None:
        """Give every reducer its slice of each part."""
        _, slices, shards, delay = self._sums[key]
        for address, chunks in slices.items():
            for number, (low, high) in enumerate(chunks):
                for node, value in parts.items():
                    chunk = value[low:high]
                    part = Part(*key, shards, node.level, node.place, number, len(chunks), delay=delay)
                    part = header_of(part, chunk, number=self._owned_part(value, low))
                    if address in self._streams:
                        self._streams[address].put(part, chunk)
                        self.sent.add(chunk)
                    else:
                        self._local[address].add(part, chunk)

    def _owned_part(self, value: Value, low: int) -> int | None:
        """The number of the part of a table that the chunk from element ``low`` on updates; None where others do."""
        if not self._routes.owners or not isinstance(value, KeyedVector) or low < len(value.dense):
            return None
        return part_of_place(low - len(value.dense), len(self._routes.owners))

    def abort_before(self, generation: int) -> None:
        self._services.abort_before(generation)
        self._inbox.abort_before(generation)
        if self.owners:
            self.owners.abort_before(generation)

    def publish(self, step: int, state: bytes | bytearray, name: str = STATE) -> None:
        self._states.publish(step, state, name)

    def fetch(self, address: str, step: int, name: str = STATE) -> bytes:
        return fetch(address, step, self._credentials, self._timeout, name)

    def close(self) -> None:
        for stream in self._streams.values():
            stream.close()
        self._streams.clear()
        if self.owners:
            self.owners.close()
        self._uplink.close()


def _layout(value: Value) -> list[tuple[int, np.dtype[Any]]]:
    """Length and dtype of each piece of a value."""
    return [(len(piece), piece.dtype) for piece in pieces(value)]
