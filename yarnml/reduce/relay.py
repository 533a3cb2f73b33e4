"""The first of two levels of reducers: a group's parts of one slice are joined, few go on, the total comes back.

To the workers of its group a relay is a reducer, and it is one, with another one above: once the parts of all shards of
the group have come it passes them on, joined as far as the tree allows, and it takes the total in as the part at the
tree's root, which replaces all others.  So its bits are those of a single level.

Shards of the group may be computed elsewhere, as copies of late tasks are.  So a relay to which nothing comes for a
while passes on what it has, and after that everything at once: parts may overlap and come twice.
"""

import time
from collections.abc import Callable
from threading import Event, Lock
from typing import NamedTuple

from msgspec.structs import replace

from yarnml.errors import WorkerLost
from yarnml.reduce.reducer import Reducer, StepKey, overdue
from yarnml.reduce.tree import Node, Vector
from yarnml.reduce.wire import Part

PATIENCE = 0.1  # seconds without a part, after which a relay passes on what it has

Above = Callable[[Part, Vector], None]
"""Gives a part to the reducer above; raises WorkerLost."""


class Pending(NamedTuple):
    """A chunk whose total is still to come from above: a part's header, and what was passed on."""

    part: Part
    passed: set[Node]


class Relay:
    """One for each worker.  Any thread may add, any number may wait for totals, as with a `Reducer`.

    ``patience``: seconds without a part, after which it passes on what it has.
    """

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._reducer = Reducer()
        self._lock = Lock()  # taken before the reducer's
        self._pending: dict[tuple[StepKey, int], Pending] = {}
        self._came = 0.0  # when the newest part did
        self._generation = -1
        self._shards: frozenset[int] = frozenset()
        self._above: Above

    def begin(self, generation: int, shards: frozenset[int], above: Above) -> None:
        """A meeting begins: the group's shards, and the way up.  Parts that were here before are looked at now."""
        with self._lock:
            self._generation, self._shards, self._above = generation, shards, above
            self._pending = {at: found for at, found in self._pending.items() if at[0].generation >= generation}
            for at in self._pending:
                self._pass_on(at)

    def add(self, part: Part, values: Vector) -> bool:
        """Take in one chunk of one subtree from a worker of the group."""
        at = StepKey(part.generation, part.step), part.chunk
        with self._lock:
            new, self._came = self._reducer.add(part, values), time.monotonic()
            if new:
                self._pending.setdefault(at, Pending(part, set()))
                self._pass_on(at)
            return new

    def answer(self, total: Part, values: Vector) -> None:
        """Take in one chunk of the total from the reducer above."""
        with self._lock:
            self._reducer.add(total, values)
            self._pending.pop((StepKey(total.generation, total.step), total.chunk), None)

    def total(self, key: StepKey, chunk: int, timeout: float, left: Event | None = None) -> Vector:
        """As a reducer's; WorkerLost names the group's missing shards after ``timeout`` seconds."""
        deadline = time.monotonic() + timeout
        while (total := self._reducer.look(key, chunk, self._patience, left)) is None:
            if time.monotonic() > deadline:
                raise overdue(key, self.missing(key), "the reducer above", timeout)
            self._tend()
        return total

    def wait(self, key: StepKey, seconds: float) -> bool:
        """As a reducer's."""
        self._tend()
        return self._reducer.wait(key, seconds)

    def missing(self, key: StepKey) -> list[int]:
        """The group's shards whose parts have not arrived, over all chunks that wait for their total."""
        with self._lock:
            return sorted({s for at in self._pending if at[0] == key for s in self._lacking(at)})

    def abandon(self, generation: int) -> None:
        """Give up every sum of the meetings before this one; waits for nobody who passes something on."""
        self._reducer.abandon(generation)

    def fail(self, why: WorkerLost) -> None:
        """The reducer above gives no totals in this meeting: neither does this one."""
        self._reducer.fail(self._generation, why)

    def close(self, reason: str) -> None:
        self._reducer.close(reason)

    @property
    def held_bytes(self) -> int:
        return self._reducer.held_bytes

    def _tend(self) -> None:
        """Pass everything on where nothing has come for a while."""
        with self._lock:
            if time.monotonic() - self._came > self._patience:
                for at in self._pending:
                    self._pass_on(at, whole=False)

    def _pass_on(self, at: tuple[StepKey, int], *, whole: bool = True) -> None:
        """Give what is new of a chunk to the reducer above; with ``whole`` not before it has all of the group's shards.

        Not before the meeting is known, either.
        """
        part, passed = self._pending[at]
        if part.generation != self._generation or (whole and not passed and self._lacking(at)):
            return
        try:
            for node, vector in self._reducer.held(*at).items():
                if node not in passed:
                    passed.add(node)
                    self._above(replace(part, level=node.level, place=node.place), vector)
        except WorkerLost as exc:
            self._reducer.fail(self._generation, exc)

    def _lacking(self, at: tuple[StepKey, int]) -> frozenset[int]:
        return self._shards.difference(*(node.shards for node in self._reducer.held(*at)))
