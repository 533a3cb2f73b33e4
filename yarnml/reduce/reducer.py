"""The reduce side: one slice of the vector, joined along the tree as parts arrive, answered with the total.

A reducer knows nothing of models.  It keeps the totals of the newest finished step and the parts of the next one.

No worker is more than one step ahead, and none needs an older total: a worker sends its parts of step t + 1 only after
it has updated its state, for which it had to receive every chunk of step t's total.  So when step t + 1 is finished,
all workers that take part have the totals of step t, and these can go.  That bounds the memory, whatever the number of
steps; and losing a reducer loses nothing that the workers don't still have.

With a delay of s (``training.delay``) a worker sends its parts of step t + 1 + s once it has the total of step t: then
s more totals are kept.
"""

import time
from math import inf
from threading import Condition, Event
from typing import Any, NamedTuple

from yarnml.errors import WorkerLost, YarnmlError
from yarnml.reduce.owner import Owner
from yarnml.reduce.tree import Chunk, Join, Node, root
from yarnml.reduce.wire import OWNED, Part
from yarnml.sparse.run import Run, empty_run

DISCONNECT_CHECK_SECONDS = 0.5
"""Time between two looks, during the wait for a total, whether the worker that asked is still connected."""


class StepAborted(WorkerLost):
    """The sum was given up: no worker waits for it any more."""


class StepExpired(WorkerLost):
    """The step is over, and its total is gone: backup copies of this worker's tasks carried the others on."""


class StepKey(NamedTuple):
    """One sum; the order of keys is the order in which generations and their steps follow each other."""

    generation: int
    step: int


def timeout_error(key: StepKey, missing_shards: list[int], otherwise: str, seconds: float) -> WorkerLost:
    """The error for a sum that did not come in time: it names the missing shards, or what ``otherwise`` is late."""
    awaited = f"shards {missing_shards}" if missing_shards else otherwise
    return WorkerLost(f"Step {key.step} waits for {awaited} since {seconds:.0f} s.")


def _layout(chunk: Chunk) -> tuple[Any, ...]:
    """The properties of a chunk that all parts of a sum have in common."""
    return (chunk.width,) if isinstance(chunk, Run) else (chunk.shape, chunk.dtype)


def _check_fits(join: Join[Chunk], part: Part, values: Chunk) -> None:
    """Refuse a part that can't be added to those that came before it."""
    before = next(iter(join.parts.values()), values)
    if part.shards != join.shards or _layout(before) != _layout(values):
        raise ValueError("a part of another form than those before it")


class Reducer:
    """Joins parts by (step, chunk).  Any thread may add, any number may wait for totals.

    One condition guards every field, and parts are joined under its lock: two threads with the two children of a node
    could otherwise both look for the other child before it is there, and the node would never be added up.  The order
    in which threads get the lock does not matter, since equal nodes have equal bits.

    ``owner``: of parts of a table, whose rows are updated by the totals of runs that are `yarnml.reduce.wire.OWNED`.
    """

    def __init__(self, owner: Owner | None = None) -> None:
        self.owner = owner or Owner()
        self._changed = Condition()
        # The parts of every sum that is kept: step → chunk → what has arrived of it.
        self._joins: dict[StepKey, dict[int, Join[Chunk]]] = {}
        # Sums whose rows are updated here, but not yet by the follower: (step, chunk).
        self._unfollowed: set[tuple[StepKey, int]] = set()
        # The steps that are kept of which every chunk has its total.
        self._finished: set[StepKey] = set()
        # The newest step that nobody asks for any more.  What belongs to it or to older ones is dropped.
        self._last_dropped = StepKey(-1, -1)
        # The newest generation that was heard of.  Sums of older ones are aborted.
        self._generation = -1
        # The newest generation without totals, and the reason.  A float, as closing fails all that will ever come.
        self._failed_generation: float = -1
        self._failure = WorkerLost("")
        self.dropped_parts = 0

    def add(self, part: Part, values: Chunk) -> bool:
        """Take in one chunk of one subtree; False where it came before, or its step is over, and it is dropped."""
        key = StepKey(part.generation, part.step)
        with self._changed:
            if key <= self._last_dropped or key.generation < self._generation:
                self.dropped_parts += 1
                return False
            self._drop_generations_before(key.generation)
            join = self._joins.setdefault(key, {}).setdefault(part.chunk, Join(part.shards))
            _check_fits(join, part, values)
            is_new = join.add(Node(part.level, part.place), values)
            self.dropped_parts += not is_new
            if is_new and part.dtype == OWNED:
                self._update_rows(key, join, part)
            elif join.total is not None:
                self._note_finished(key, part)
                self._changed.notify_all()
            return is_new

    def _update_rows(self, key: StepKey, join: Join[Chunk], part: Part) -> None:
        """Have the owner update its rows when a total is there; the workers get a run without keys in its place."""
        total = join.total
        if not isinstance(total, Run):
            return

        def answered(error: YarnmlError | None) -> None:
            with self._changed:
                self._unfollowed.discard((key, part.chunk))
                if error is not None:
                    join.parts = {}  # nobody gets a total that the follower has not
                    self.fail(key.generation, WorkerLost(str(error)))
                elif key in self._joins:
                    self._note_finished(key, part)
                    self._changed.notify_all()

        join.parts = {root(join.shards): empty_run(total.width)}
        self._unfollowed.add((key, part.chunk))
        try:
            self.owner.update(*key, part.number, total, answered)
        except WorkerLost as exc:
            answered(exc)

    def total(self, key: StepKey, chunk: int, timeout: float, disconnected: Event | None = None) -> Chunk:
        """Wait for the sum of one chunk; WorkerLost names the missing shards after ``timeout`` seconds.

        ``disconnected``: set when the worker that asked is gone; the wait then ends soon, with StepAborted.
        """
        deadline = time.monotonic() + timeout
        while True:
            seconds = min(deadline - time.monotonic(), DISCONNECT_CHECK_SECONDS)
            total = self.total_within(key, chunk, seconds, disconnected)
            if total is not None:
                return total
            if time.monotonic() > deadline:
                raise timeout_error(key, self.missing_shards(key), "every shard", timeout)

    def total_within(self, key: StepKey, chunk: int, seconds: float, disconnected: Event | None = None) -> Chunk | None:
        """The sum of one chunk, or None where it has not come after ``seconds``.  Raises why it will not come."""
        with self._changed:
            total = self._find_total(key, chunk, disconnected)
            if total is None:
                self._changed.wait(seconds)
                total = self._find_total(key, chunk, disconnected)
            return total

    def _find_total(self, key: StepKey, chunk: int, disconnected: Event | None) -> Chunk | None:
        """The sum of one chunk, if it has come.  A total that has come is given, whatever went wrong after it."""
        if key.generation < self._generation:
            raise StepAborted(f"Step {key.step} was given up.")
        join = self._joins.get(key, {}).get(chunk)
        if join is not None and join.total is not None and (key, chunk) not in self._unfollowed:
            return join.total
        if key <= self._last_dropped:
            raise StepExpired(f"Step {key.step} was over before its sum was asked for.")
        if key.generation <= self._failed_generation:
            raise type(self._failure)(str(self._failure))  # a new one for each thread: raising adds to its traceback
        if disconnected and disconnected.is_set():
            raise StepAborted(f"Nobody waits for step {key.step}.")
        return None

    def parts(self, key: StepKey, chunk: int) -> dict[Node, Chunk]:
        """The subtrees that have arrived of one chunk, joined as far as it goes."""
        with self._changed:
            join = self._joins.get(key, {}).get(chunk)
            return dict(join.parts) if join else {}

    def wait(self, key: StepKey, seconds: float) -> bool:
        """Wait until every total of ``key`` has come, or none will; False after ``seconds``."""
        with self._changed:
            return self._changed.wait_for(
                lambda: (
                    key in self._finished
                    or key <= self._last_dropped
                    or key.generation < self._generation
                    or key.generation <= self._failed_generation
                ),
                seconds,
            )

    def abort_before(self, generation: int) -> None:
        """Give up every sum of the generations before this one; those that wait for one get StepAborted."""
        with self._changed:
            self._drop_generations_before(generation)

    def missing_shards(self, key: StepKey) -> list[int]:
        """The shards whose parts have not arrived, over all chunks seen so far."""
        with self._changed:
            return sorted({s for join in self._joins.get(key, {}).values() for s in join.missing_shards})

    def fail(self, generation: float, reason: WorkerLost) -> None:
        """End all waits for totals of this generation and of those before: they raise the reason."""
        with self._changed:
            if generation > self._failed_generation:
                self._failed_generation = generation
                self._failure = reason
            self._changed.notify_all()

    def close(self, reason: str) -> None:
        """End all waits, now and later: they raise WorkerLost with this reason."""
        self.fail(inf, WorkerLost(reason))

    @property
    def held_bytes(self) -> int:
        """Bytes of all parts and totals kept now."""
        with self._changed:
            joins = [j for chunks in self._joins.values() for j in chunks.values()]
            return sum(v.nbytes for j in joins for v in j.parts.values())

    def _note_finished(self, key: StepKey, part: Part) -> None:
        """When each chunk of ``key`` has its total, drop the steps of which all workers have theirs."""
        joins = self._joins[key]
        if any(step == key for step, _ in self._unfollowed):
            return
        if len(joins) == part.chunks and all(j.total is not None for j in joins.values()):
            self._finished.add(key)
            self._last_dropped = max(self._last_dropped, key._replace(step=key.step - part.delay - 1))
            self._drop([k for k in self._joins if k <= self._last_dropped])

    def _drop_generations_before(self, generation: int) -> None:
        """Drop the sums of older generations.

        The master begins a generation when the one before is over for all workers, or was given up.  Either way its
        sums are of no more use, also where this reducer hears of the new one from a part, before the master's call.
        """
        if generation > self._generation:
            self._generation = generation
            self._drop([k for k in self._joins if k.generation < generation])
            self._changed.notify_all()

    def _drop(self, keys: list[StepKey]) -> None:
        for key in keys:
            del self._joins[key]
        self._finished.difference_update(keys)
