"""Keys that came too rarely to have a row yet, and how often each came."""

from typing import NamedTuple

import numpy as np

from yarnml.data.arrays import Array
from yarnml.sparse.ages import Ages, Mask
from yarnml.sparse.growing import GrowingArray
from yarnml.sparse.index import KeyIndex, Numbers, ascending
from yarnml.sparse.policy import KeyPolicy
from yarnml.sparse.run import Keys
from yarnml.sparse.stored import RARE_COUNTS, RARE_KEYS, RARE_TOUCHED

SMALLEST_SWEEP = 1 << 12
"""The keys that need no place here any more, but still have one before they are cleared away."""

HAS_ROW = 0
"""The count of a key that is not rare any more."""

LARGEST_STEP = 2.0**24
"""The count that a key gets for one step at most: float32 has every whole number up to there."""


class Count(NamedTuple):
    """The effect of one more coming of some keys, with what takes it back.

    ``enough``: bool [keys], whether each has come often enough now.
    ``keys``: that came; ``counts``, ``touched``: of these before.
    """

    enough: Mask
    keys: Keys
    counts: Array
    touched: Array


class RareKeys:
    """Counts of keys, each kept until it reaches ``min_count``, or has not come for ``max_age`` of the policy.

    ``remembered``: how many of the newest `add` can be taken back.
    """

    def __init__(self, policy: KeyPolicy, remembered: int) -> None:
        self._policy = policy
        self._remembered = remembered
        self._index = KeyIndex()
        self._counts = GrowingArray((), np.uint32)
        self._ages = Ages(policy.max_age, kept=policy.has_ages)
        self._without_row = 0

    def size(self, clock: int) -> int:
        """The number of keys after ``clock`` updates."""
        return int(np.count_nonzero(self._rare(clock)))

    @property
    def nbytes(self) -> int:
        return self._index.nbytes + self._counts.nbytes + self._ages.nbytes

    def add(self, keys: Keys, counts: Array, clock: int) -> Count:
        """Count keys that have no row, each of them once; those that have come often enough leave.

        ``counts``: float32 [keys], how often each came, at least once.
        ``clock``: the number of updates before.
        """
        self._sweep(clock)
        numbers = self._number(keys, clock)
        before = self._counts.rows[numbers]
        known = np.where(self._ages.stale(numbers, clock), 0, before)
        total = known + np.minimum(counts, LARGEST_STEP).astype(np.uint32)
        enough = total >= self._policy.min_count
        following = np.where(enough, HAS_ROW, total)
        self._replace(numbers, following)
        return Count(enough, keys, before, self._ages.touch(numbers, clock + 1))

    def take_back(self, count: Count) -> None:
        """Make the newest `add` undone; a key that came first in it has a place, but is not rare."""
        numbers = self._number(count.keys, 0)
        self._replace(numbers, count.counts)
        self._ages.touch(numbers, count.touched)

    def _number(self, keys: Keys, clock: int) -> Numbers:
        """The number of each key; those that have no place get one."""
        size = len(self._index.keys)
        numbers = self._index.number(keys)
        new = len(self._index.keys) - size
        self._counts.append(np.zeros(new, np.uint32))
        self._ages.append(np.full(new, clock))
        return numbers

    def _replace(self, numbers: Numbers, counts: Array) -> None:
        before = self._counts.rows[numbers]
        self._counts.rows[numbers] = counts
        self._without_row += int(np.count_nonzero(counts)) - int(np.count_nonzero(before))

    def _rare(self, clock: int) -> Mask:
        """Tell which of all keys that have a place here are rare."""
        return (self._counts.rows != HAS_ROW) & self._ages.fresh(len(self._index.keys), clock)

    def arrays(self, clock: int, updates: int | None = None) -> dict[str, Array]:
        """The keys, ascending, and their counts: equal for equal ones.

        ``updates``: only keys that came in so many of the newest ones.
        """
        rare = self._rare(clock)
        if updates is not None:
            rare &= self._ages.touched > clock - updates
        keys = self._index.keys[rare]
        order = ascending(keys)
        arrays = {RARE_KEYS: keys[order], RARE_COUNTS: self._counts.rows[rare][order]}
        return arrays | ({RARE_TOUCHED: self._ages.touched[rare][order]} if self._policy.has_ages else {})

    def restore(self, arrays: dict[str, Array], clock: int) -> None:
        """Take in what `arrays` gave, where there is nothing yet; KeyError or ValueError for anything else."""
        keys = arrays[RARE_KEYS]
        counts = arrays[RARE_COUNTS]
        touched = arrays.get(RARE_TOUCHED, np.full(len(keys), clock, np.int32))
        if keys.dtype != np.uint64 or counts.dtype != np.uint32 or keys.ndim != 1 or keys.shape != counts.shape:
            raise ValueError(
                f"counts of rare keys are {counts.dtype} {counts.shape} for keys {keys.dtype} {keys.shape}"
            )
        if (keys[1:] <= keys[:-1]).any() or (counts == HAS_ROW).any() or touched.shape != keys.shape:
            raise ValueError("its rare keys are not ascending, or one of them never came")
        self._index.number(keys)
        self._counts.append(counts)
        self._ages.append(touched)
        self._without_row = len(keys)

    def _sweep(self, clock: int) -> None:
        """Free the memory of keys that are not rare any more, when they are more than the others."""
        if self._ages.is_time_to_sweep(clock):
            self._without_row = self.size(clock)
        gone = len(self._index.keys) - self._without_row
        if gone > max(SMALLEST_SWEEP, self._without_row):
            rare = self._rare(clock - self._remembered)
            self._index.keep(rare)
            self._counts.keep(rare)
            self._ages.keep(rare)
            self._without_row = len(self._index.keys)
