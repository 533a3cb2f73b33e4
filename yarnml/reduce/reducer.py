"""The reduce side: one slice of the vector, joined along the tree as parts arrive, answered with the total.

A reducer knows nothing of models.  It keeps the totals of the newest finished step and the parts of the next: nobody
can be further behind, since whoever sends a part of step t + 1 has all totals of step t.  Losing a reducer loses
nothing that the workers don't still have.
"""

import time
from math import inf
from threading import Condition, Event
from typing import NamedTuple, Protocol

import numpy as np

from yarnml.errors import WorkerLost
from yarnml.reduce.tree import Join, Node, Vector
from yarnml.reduce.wire import Part

LOOK_SECONDS = 0.5  # how often who waits for a sum looks whether it is still wanted
CHUNK = 256 * 1024  # elements of one chunk


class StepAborted(WorkerLost):
    """A sum that nobody waits for any more."""


class StepExpired(WorkerLost):
    """The total of a step that is over: copies of this worker's tasks carried the others on without it."""


class StepKey(NamedTuple):
    """Which sum: meetings and their steps follow each other in this order."""

    generation: int
    step: int


def overdue(key: StepKey, missing: list[int], otherwise: str, seconds: float) -> WorkerLost:
    """What to say of a sum that did not come in time: the shards that it wants, or what else it waits for."""
    wanting = f"shards {missing}" if missing else otherwise
    return WorkerLost(f"Step {key.step} waits for {wanting} since {seconds:.0f} s.")


def slice_bounds(length: int, slices: int) -> list[tuple[int, int]]:
    """Where a vector of ``length`` elements is cut into near-equal slices, one per reducer."""
    return [(r * length // slices, (r + 1) * length // slices) for r in range(slices)]


def chunk_bounds(low: int, high: int, cut: int = 0) -> list[tuple[int, int]]:
    """The chunks of one slice, none of them across ``cut``; at least one, so that an empty slice is answered too."""
    if low < cut < high:
        return chunk_bounds(low, cut) + chunk_bounds(cut, high)
    return [(at, min(at + CHUNK, high)) for at in range(low, max(high, low + 1), CHUNK)]


class Sums(Protocol):
    """What gives totals for parts: a reducer, or a relay of one."""

    def add(self, part: Part, values: Vector) -> bool:
        """Take in one chunk of one subtree; False where it is of no use any more."""

    def total(self, key: StepKey, chunk: int, timeout: float, left: Event | None = None) -> Vector:
        """Wait for the sum of one chunk, for so many seconds at most; ``left``: set when nobody wants it any more."""

    def wait(self, key: StepKey, seconds: float) -> bool:
        """Whether there is nothing more to wait for, after so many seconds at most."""

    def missing(self, key: StepKey) -> list[int]:
        """The shards whose parts have not arrived."""


class Reducer:
    """Joins parts by (step, chunk).  Any thread may add, any number may wait for totals."""

    def __init__(self) -> None:
        self._arrived = Condition()
        self._joins: dict[StepKey, dict[int, Join[Vector]]] = {}
        self._newest = StepKey(-1, -1)
        self._generation = -1
        self._failed: tuple[float, WorkerLost] = (-1, WorkerLost(""))  # the last meeting without totals, and why
        self.dropped = 0

    def add(self, part: Part, values: Vector) -> bool:
        """Take in one chunk of one subtree.  False: it came before, or all have left its step behind; it is dropped."""
        key = StepKey(part.generation, part.step)
        with self._arrived:
            if key < self._newest or key.generation < self._generation:
                self.dropped += 1
                return False
            self._forget_before(key.generation)
            join = self._joins.setdefault(key, {}).setdefault(part.chunk, Join(part.shards))
            new = join.add(Node(part.level, part.place), values)
            self.dropped += not new
            if join.total is not None:
                self._finish(key, part.chunks)
                self._arrived.notify_all()
            return new

    def total(self, key: StepKey, chunk: int, timeout: float, left: Event | None = None) -> Vector:
        """Wait for the sum of one chunk; WorkerLost names the missing shards after ``timeout`` seconds.

        ``left``: set when nobody wants it any more; the wait then ends soon, with GivenUp.
        """
        deadline = time.monotonic() + timeout
        while (total := self.look(key, chunk, min(deadline - time.monotonic(), LOOK_SECONDS), left)) is None:
            if time.monotonic() > deadline:
                raise overdue(key, self.missing(key), "every shard", timeout)
        return total

    def look(self, key: StepKey, chunk: int, seconds: float, left: Event | None = None) -> Vector | None:
        """The sum of one chunk; None where it is not there yet, after a wait of so many seconds at most.

        Raises why it will not come.
        """
        with self._arrived:
            if (total := self._find(key, chunk, left)) is None:
                self._arrived.wait(seconds)
                total = self._find(key, chunk, left)
            return total

    def _find(self, key: StepKey, chunk: int, left: Event | None) -> Vector | None:
        if key.generation < self._generation:
            raise StepAborted(f"Step {key.step} was given up.")
        join = self._joins.get(key, {}).get(chunk)
        if join is not None and join.total is not None:
            return join.total
        if key < self._newest:
            raise StepExpired(f"Step {key.step} was over before its sum was asked for.")
        last, why = self._failed
        if key.generation <= last:
            raise type(why)(str(why))
        if left and left.is_set():
            raise StepAborted(f"Nobody waits for step {key.step}.")
        return None

    def held(self, key: StepKey, chunk: int) -> dict[Node, Vector]:
        """What has arrived of one chunk, joined as far as it goes."""
        with self._arrived:
            join = self._joins.get(key, {}).get(chunk)
            return dict(join.parts) if join else {}

    def wait(self, key: StepKey, seconds: float) -> bool:
        """Wait until every total of ``key`` is there, or has been; False after ``seconds``."""
        with self._arrived:
            return self._arrived.wait_for(
                lambda: self._newest >= key or key.generation < self._generation or key.generation <= self._failed[0],
                seconds,
            )

    def abandon(self, generation: int) -> None:
        """Give up every sum of the meetings before this one; who waits for one gets GivenUp."""
        with self._arrived:
            self._forget_before(generation)

    def missing(self, key: StepKey) -> list[int]:
        """The shards whose parts have not arrived, over all chunks seen so far."""
        with self._arrived:
            return sorted({s for join in self._joins.get(key, {}).values() for s in join.missing})

    def fail(self, generation: float, why: WorkerLost) -> None:
        """The sums of this meeting, and of those before, will not come: everybody who waits for one raises why."""
        with self._arrived:
            if generation > self._failed[0]:
                self._failed = generation, why
            self._arrived.notify_all()

    def close(self, reason: str) -> None:
        """Wake everybody who waits; they raise WorkerLost with this reason."""
        self.fail(inf, WorkerLost(reason))

    @property
    def held_bytes(self) -> int:
        """Bytes of all parts and totals kept now."""
        with self._arrived:
            joins = [j for chunks in self._joins.values() for j in chunks.values()]
            return sum(int(np.asarray(v).nbytes) for j in joins for v in j.parts.values())

    def _finish(self, key: StepKey, chunks: int) -> None:
        """When every chunk of ``key`` has its total, forget all before it."""
        joins = self._joins[key]
        if len(joins) == chunks and all(j.total is not None for j in joins.values()):
            self._newest = max(self._newest, key)
            for old in [k for k in self._joins if k < key]:
                del self._joins[old]

    def _forget_before(self, generation: int) -> None:
        """A meeting begins when the one before is over for all, or was given up: its sums are of no more use."""
        if generation > self._generation:
            self._generation = generation
            for old in [k for k in self._joins if k.generation < generation]:
                del self._joins[old]
            self._arrived.notify_all()
