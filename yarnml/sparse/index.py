"""The numbers of keys: a hash table that grows."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from yarnml.data.arrays import Array, Places
from yarnml.sparse.growing import GrowingArray
from yarnml.sparse.kernels import kernels
from yarnml.sparse.run import Keys

Numbers = npt.NDArray[np.int32]

SMALLEST_SLOTS = 1 << 12
"""Of a new table: it fits the fastest memory."""

SLOT_BYTES = 12


def slots_for(keys: int) -> int:
    """The slots of a table that has so many keys: at most half of them are full."""
    return max(SMALLEST_SLOTS, 1 << max(0, 2 * keys - 1).bit_length())


class KeyIndex:
    """Keys numbered 0, 1, 2, … in the order in which they first came."""

    def __init__(self) -> None:
        self._keys = GrowingArray((), np.uint64)
        self._slot_keys: Keys = np.empty(SMALLEST_SLOTS, np.uint64)
        self._slot_numbers: Numbers = np.full(SMALLEST_SLOTS, -1, np.int32)

    @property
    def keys(self) -> Keys:
        """[keys], by number; valid until the next ones come."""
        return self._keys.rows

    @property
    def nbytes(self) -> int:
        return self._keys.nbytes + self._slot_keys.nbytes + self._slot_numbers.nbytes

    def find(self, keys: Keys) -> Numbers:
        """The number of each key, -1 for one that is not there."""
        numbers = np.empty(len(keys), np.int32)
        kernels().find(keys, self._slot_keys, self._slot_numbers, numbers)
        return numbers

    def number(self, keys: Keys) -> Numbers:
        """The number of each key; those that are not there are added."""
        numbers = np.empty(len(keys), np.int32)
        new = np.empty(len(keys), np.uint64)
        progress = np.array([0, len(self.keys)])
        while True:
            before = len(self.keys)
            kernels().number(keys, before, progress, self._slot_keys, self._slot_numbers, numbers, new)
            self._keys.append(new[: progress[1] - before])
            if progress[0] == len(keys):
                return numbers
            self._make_slots(2 * len(self._slot_keys))

    def cut(self, count: int) -> None:
        """Take away all keys behind the first ``count``; as much work as to number the others."""
        self._keys.cut(count)
        self._make_slots(len(self._slot_keys))

    def keep(self, kept: Array) -> None:
        """Take away all keys but these, and number those anew, in the same order.  ``kept``: bool [keys]."""
        self._keys.keep(kept)
        self._make_slots(slots_for(len(self.keys)))

    def _make_slots(self, size: int) -> None:
        """Make an empty table of so many slots, and put all keys in again."""
        self._slot_keys = np.empty(size, np.uint64)
        self._slot_numbers = np.full(size, -1, np.int32)
        numbers = np.empty(len(self.keys), np.int32)
        new = np.empty_like(self.keys)
        kernels().number(self.keys, 0, np.zeros(2, np.int64), self._slot_keys, self._slot_numbers, numbers, new)


class Distinct(NamedTuple):
    """The different keys of some, and where each is.

    ``keys``: in the order in which they first come.
    ``numbers``: [keys that were given]: the place of each among ``keys``.
    """

    keys: Keys
    numbers: Numbers


def distinct(keys: Keys) -> Distinct:
    """Find the different keys."""
    index = KeyIndex()
    numbers = index.number(keys)
    return Distinct(index.keys, numbers)


def ascending(keys: Keys) -> Places:
    """The places of different keys in ascending order."""
    order = np.empty(len(keys), np.int64)
    starts = np.empty((1 << max(1, len(keys)).bit_length()) + 1, np.int64)
    return order if kernels().order(keys, starts, order) else np.argsort(keys)
