"""Keys that came too rarely to have a row yet, and how often each came."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from yarnml.data.arrays import Array
from yarnml.sparse.growing import GrowingArray
from yarnml.sparse.index import KeyIndex, Numbers, ascending
from yarnml.sparse.run import Keys

SMALLEST_SWEEP = 1 << 12
"""The keys with a row that may still lie here before they are cleared away."""

HAS_ROW = 0
"""The count of a key that is not rare any more."""

LARGEST_STEP = 2.0**24
"""The count that a key gets for one step at most: float32 has every whole number up to there."""


class Count(NamedTuple):
    """The effect of one more coming of some keys, with what takes it back.

    ``enough``: bool [keys], whether each has come often enough now.
    ``size``: rare keys before it.  ``numbers``: of the keys that came; ``counts``: of these before.
    """

    enough: npt.NDArray[np.bool_]
    size: int
    numbers: Numbers
    counts: Array


class RareKeys:
    """Counts of keys, each kept until it reaches ``min_count``.  No key is ever forgotten before."""

    def __init__(self, min_count: int) -> None:
        self.min_count = min_count
        self._index = KeyIndex()
        self._counts = GrowingArray((), np.uint32)
        self._without_row = 0

    def __len__(self) -> int:
        return self._without_row

    @property
    def nbytes(self) -> int:
        return self._index.nbytes + self._counts.nbytes

    def add(self, keys: Keys, counts: Array) -> Count:
        """Count keys that have no row, each of them once; those that have come often enough leave.

        ``counts``: float32 [keys], how often each came, at least once.
        """
        self._sweep()
        size = len(self._index.keys)
        numbers = self._index.number(keys)
        self._counts.append(np.zeros(len(self._index.keys) - size, np.uint32))
        before = self._counts.rows[numbers]
        total = before + np.minimum(counts, LARGEST_STEP).astype(np.uint32)
        enough = total >= self.min_count
        self._counts.rows[numbers] = np.where(enough, HAS_ROW, total)
        self._without_row += len(self._index.keys) - size - int(enough.sum())
        return Count(enough, size, numbers, before)

    def take_back(self, count: Count) -> None:
        """Make the newest `add` undone."""
        self._without_row -= len(self._index.keys) - count.size - int(count.enough.sum())
        self._counts.rows[count.numbers] = count.counts
        self._counts.cut(count.size)
        self._index.cut(count.size)

    def arrays(self) -> tuple[Keys, Array]:
        """The keys, ascending, and their counts: equal for equal ones."""
        rare = self._counts.rows != HAS_ROW
        keys = self._index.keys[rare]
        order = ascending(keys)
        return keys[order], self._counts.rows[rare][order]

    def restore(self, keys: Keys, counts: Array) -> None:
        """Take in what `arrays` gave, where there is nothing yet; ValueError for anything else."""
        if keys.dtype != np.uint64 or counts.dtype != np.uint32 or keys.ndim != 1 or keys.shape != counts.shape:
            raise ValueError(
                f"counts of rare keys are {counts.dtype} {counts.shape} for keys {keys.dtype} {keys.shape}"
            )
        if (keys[1:] <= keys[:-1]).any() or (counts == HAS_ROW).any():
            raise ValueError("its rare keys are not ascending, or one of them never came")
        self._index.number(keys)
        self._counts.append(counts)
        self._without_row = len(keys)

    def _sweep(self) -> None:
        """Free the memory of keys that have rows when they are more than the others."""
        if len(self._index.keys) - self._without_row <= max(SMALLEST_SWEEP, self._without_row):
            return
        keys, counts = self.arrays()
        self._index = KeyIndex()
        self._counts = GrowingArray((), np.uint32)
        self.restore(keys, counts)
