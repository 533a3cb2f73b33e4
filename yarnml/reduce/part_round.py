"""An asynchronous round at one part of a table: which steps of which shards it has, and how stale they were."""

from collections.abc import Sequence

import numpy as np

from yarnml.control.staleness import Staleness
from yarnml.data.arrays import Array
from yarnml.reduce.task_queue import Mask, TaskQueue
from yarnml.sparse.block import Block
from yarnml.sparse.dense import DenseRows

_DONE = "round/done"
_DENSE = "round/dense"
_NUMBERS = "round/numbers"


class PartRound:
    """The state of a round; whoever has it guards it by a lock.

    ``pushed``: tasks of one shard whose sums were applied so far.
    ``loss``, ``weight``: sums over the rows of these, where the part has the parameters without keys, ``dense``, too.
    ``numbers``: all that is kept of these parameters.
    ``queue``: of tasks, at the owner that gives them.
    ``generation``: of the command whose sums are applied; others are refused.
    ``unfollowed``: sums that are on their way to the follower, each by a number.
    ``failure``: the reason why the follower has not got one, in words.
    """

    def __init__(self, first: int, last: int, shards: int) -> None:
        self.first = first
        self.last = last
        self.done: Mask = np.zeros((shards, last - first), bool)
        self.pushed = 0
        self.loss = 0.0
        self.weight = 0.0
        self.staleness = Staleness()
        self.dense: DenseRows | None = None
        self.numbers: Array = np.empty(0, np.float32)
        self.queue: TaskQueue | None = None
        self.generation = -1
        self.unfollowed: set[int] = set()
        self.failure = ""

    def open(self, generation: int) -> None:
        """Apply sums of this generation from now on."""
        self.generation = generation
        self.unfollowed = set()
        self.failure = ""
        self.queue = None

    def set_dense(self, blocks: Sequence[tuple[Block, int]], numbers: Array) -> None:
        """Keep the parameters without keys; ``numbers``: before the first sums, later ones stay as they are."""
        self.dense = DenseRows(blocks, self.numbers if self.pushed else numbers)
        self.numbers = self.dense.numbers

    def close(self) -> None:
        """Apply no sums from now on, until it is opened again."""
        self.unfollowed = set()
        self.generation = -1

    def is_after(self, step: int) -> bool:
        """Tell whether it has all steps before this one, and no other."""
        before = step - self.first
        return bool(self.done[:, :before].all()) and not self.done[:, before:].any()

    def has(self, step: int, shards: Sequence[int]) -> bool:
        """Tell whether the sums of a task have been applied.  ValueError for one that is not of this round."""
        if not shards or not 0 <= min(shards) <= max(shards) < len(self.done) or not self.first <= step < self.last:
            raise ValueError(f"step {step} of shards {shards} is no task of this round")
        own = self.done[list(shards), step - self.first]
        if own.any() and not own.all():
            raise ValueError(f"step {step} of shards {shards} has been applied in part")
        return bool(own.all())

    def note(self, step: int, shards: Sequence[int]) -> int:
        """Note that the sums of a task are applied; returns how many more steps all shards have now."""
        before = self._slowest
        self.done[list(shards), step - self.first] = True
        self.pushed += len(shards)
        return self._slowest - before

    def add(self, sums: Array, rate: float) -> None:
        """Add the loss and the weight of a task, and update the parameters without keys by the gradient behind them."""
        if self.dense is None:
            raise ValueError("sums without keys came to a part that has no such parameters")
        self.dense.update(sums[2:], rate)
        self.loss += float(sums[0])
        self.weight += float(sums[1])

    @property
    def _slowest(self) -> int:
        return int(np.count_nonzero(self.done, axis=1).min())

    def rate(self, seen: int) -> float:
        """Count sums that belong to the weights after ``seen`` tasks, and tell the part of the usual rate for them."""
        staleness = max(0, self.pushed - seen) / len(self.done)
        self.staleness = self.staleness.with_one(staleness)
        return 1 / max(1.0, staleness)

    @property
    def digest(self) -> int:
        """A number, equal for equal parameters without keys."""
        return int(self.numbers.view(np.uint32).sum(dtype=np.uint64))

    def arrays(self) -> dict[str, Array]:
        """All of it by name, for a copy."""
        staleness = self.staleness
        numbers = [self.first, self.last, self.pushed, self.loss, self.weight]
        counts = [staleness.sums, staleness.total, staleness.largest]
        return {_DONE: self.done.copy(), _NUMBERS: np.array([*numbers, *counts]), _DENSE: self.numbers.copy()}


def round_in(arrays: dict[str, Array]) -> PartRound | None:
    """The round of which `PartRound.arrays` gave these; None where there was none."""
    if _NUMBERS not in arrays:
        return None
    first, last, pushed, loss, weight, sums, total, largest = arrays[_NUMBERS].tolist()
    done = arrays[_DONE].astype(bool)
    copy = PartRound(int(first), int(last), len(done))
    copy.done = done
    copy.pushed = int(pushed)
    copy.loss = loss
    copy.weight = weight
    copy.staleness = Staleness(int(sums), total, largest)
    copy.numbers = arrays[_DENSE]
    return copy
