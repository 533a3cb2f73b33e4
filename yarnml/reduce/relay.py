"""The first of two levels of reducers: a group's parts of one slice are joined, few go on, the total comes back.

To the workers of its group a relay is a reducer, and it is one, with another one above: once the parts of all shards of
the group have come it passes them on, joined as far as the tree allows, and it takes the total in as the part at the
tree's root, which replaces all others.  So its bits are those of a single level.

Shards of the group may be computed elsewhere, as backup copies of late tasks are, and then their parts never come
here.  So a relay to which nothing comes for a while passes on what it has, and after that everything at once.  The
parts that the reducer above gets may overlap and come twice; its join drops what it has already.
"""

import time
from collections.abc import Callable
from threading import Event, Lock
from typing import NamedTuple

from msgspec.structs import replace

from yarnml.errors import WorkerLost
from yarnml.reduce.reducer import Reducer, StepKey, timeout_error
from yarnml.reduce.tree import Chunk, Node
from yarnml.reduce.wire import Part, header_of

FLUSH_AFTER_SECONDS = 0.1
"""Time without a part after which a relay passes on what it has, without the rest of its group."""

SendUp = Callable[[Part, Chunk], None]
"""Gives a part to the reducer above; raises WorkerLost."""


class Group(NamedTuple):
    """The workers that a relay serves in one generation.

    ``shards``: all that they have.
    """

    generation: int
    shards: frozenset[int]
    send_up: SendUp


class ChunkKey(NamedTuple):
    """One chunk of one sum."""

    key: StepKey
    chunk: int


class PendingChunk(NamedTuple):
    """A chunk whose total is still to come from above: a part's header, and the subtrees that were sent up."""

    part: Part
    sent: set[Node]


def _no_reducer_above(part: Part, values: Chunk) -> None:
    """Stand in for the way up before the first generation: nothing is sent before that."""
    raise WorkerLost("The relay has no reducer above it yet.")


class Relay:
    """A reducer for the workers of one group.  Any thread may add, any number may wait for totals.

    One lock guards all fields, and is held while parts are sent up: so each subtree goes up once, from one thread at a
    time, as an `Uplink` needs it.  It is always taken before the lock of the inner reducer.  `abort_before` and `fail`
    do without it: they end waits, so they must not wait themselves for a send that hangs.

    ``flush_after``: seconds without a part, after which it passes on what it has.
    """

    def __init__(self, flush_after: float = FLUSH_AFTER_SECONDS) -> None:
        self._flush_after = flush_after
        self._reducer = Reducer()
        self._lock = Lock()
        self._pending: dict[ChunkKey, PendingChunk] = {}
        self._last_arrival = 0.0  # time.monotonic of the newest part
        self._group = Group(-1, frozenset(), _no_reducer_above)

    def begin(self, generation: int, shards: frozenset[int], send_up: SendUp) -> None:
        """Serve a group from now on.

        Parts of workers that began this generation earlier have been kept, and are looked at now.

        ``shards``: all that the group has.
        """
        with self._lock:
            self._group = Group(generation, shards, send_up)
            self._pending = {at: chunk for at, chunk in self._pending.items() if at.key.generation >= generation}
            for at in self._pending:
                self._send_parts_up(at)

    def add(self, part: Part, values: Chunk) -> bool:
        """Take in one chunk of one subtree from a worker of the group; False where it is of no use any more."""
        at = ChunkKey(StepKey(part.generation, part.step), part.chunk)
        with self._lock:
            is_new = self._reducer.add(part, values)
            self._last_arrival = time.monotonic()
            if is_new:
                self._pending.setdefault(at, PendingChunk(part, set()))
                self._send_parts_up(at)
            return is_new

    def add_total(self, total: Part, values: Chunk) -> None:
        """Take in one chunk of the total from the reducer above."""
        with self._lock:
            self._reducer.add(total, values)
            self._pending.pop(ChunkKey(StepKey(total.generation, total.step), total.chunk), None)

    def total(self, key: StepKey, chunk: int, timeout: float, disconnected: Event | None = None) -> Chunk:
        """Wait for the sum of one chunk; WorkerLost names the group's missing shards after ``timeout`` seconds.

        ``disconnected``: set when the worker that asked is gone; the wait then ends soon, with StepAborted.
        """
        deadline = time.monotonic() + timeout
        while True:
            total = self._reducer.total_within(key, chunk, self._flush_after, disconnected)
            if total is not None:
                return total
            if time.monotonic() > deadline:
                raise timeout_error(key, self.missing_shards(key), "the reducer above", timeout)
            self._flush_if_silent()

    def wait(self, key: StepKey, seconds: float) -> bool:
        """Wait until every total of ``key`` has come, or none will; False after ``seconds``."""
        self._flush_if_silent()
        return self._reducer.wait(key, seconds)

    def missing_shards(self, key: StepKey) -> list[int]:
        """The group's shards whose parts have not arrived, over all chunks that wait for their total."""
        with self._lock:
            return sorted({s for at in self._pending if at.key == key for s in self._missing_of_chunk(at)})

    def abort_before(self, generation: int) -> None:
        """Give up every sum of the generations before this one.  It does not wait for a thread that sends up."""
        self._reducer.abort_before(generation)

    def fail(self, reason: WorkerLost) -> None:
        """End all waits for totals of this generation: the reducer above gives none, so the relay has none."""
        self._reducer.fail(self._group.generation, reason)

    def close(self, reason: str) -> None:
        """End all waits, now and later: they raise WorkerLost with this reason."""
        self._reducer.close(reason)

    @property
    def held_bytes(self) -> int:
        """Bytes of all parts and totals kept now."""
        return self._reducer.held_bytes

    def _flush_if_silent(self) -> None:
        """Send everything up where no part has come for a while."""
        with self._lock:
            if time.monotonic() - self._last_arrival > self._flush_after:
                for at in self._pending:
                    self._send_parts_up(at, even_incomplete=True)

    def _send_parts_up(self, at: ChunkKey, *, even_incomplete: bool = False) -> None:
        """Send up what is new of a chunk, as soon as all of the group's shards are in it.

        A chunk of a generation that has not begun here waits: its group is not known yet.  One of which something was
        sent incomplete holds nothing back any more, since the reducer above waits for the rest.
        """
        part, sent = self._pending[at]
        if part.generation != self._group.generation:
            return
        if not even_incomplete and not sent and self._missing_of_chunk(at):
            return
        try:
            for node, vector in self._reducer.parts(*at).items():
                if node not in sent:
                    sent.add(node)
                    self._group.send_up(header_of(replace(part, level=node.level, place=node.place), vector), vector)
        except WorkerLost as exc:
            self._reducer.fail(self._group.generation, exc)

    def _missing_of_chunk(self, at: ChunkKey) -> frozenset[int]:
        return self._group.shards.difference(*(node.shards for node in self._reducer.parts(*at)))
