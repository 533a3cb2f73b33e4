"""The numbers of keys: a hash table that grows."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from yarnml.data.arrays import Array, Places
from yarnml.data.keys import wide_keys
from yarnml.sparse.growing import GrowingArray
from yarnml.sparse.kernels import kernels
from yarnml.sparse.run import Keys

Numbers = npt.NDArray[np.int32]

SMALLEST_SLOTS = 1 << 12
"""Of a new table: it fits the fastest memory."""

SLOT_BYTES = 4

USES_OF_A_KEY = 8
"""How often a key comes in a batch, on average, when a guess is needed: wrong ones cost memory or time, a little."""


def slots_for(keys: int) -> int:
    """The slots of a table that has so many keys: at most half of them are full."""
    return max(SMALLEST_SLOTS, 1 << max(0, 2 * keys - 1).bit_length())


class _Answer(NamedTuple):
    """The keys that were asked for last, and what was found.  Both are copies, since memory of callers changes."""

    keys: Keys
    numbers: Numbers


NO_ANSWER = _Answer(np.empty(0, np.uint64), np.empty(0, np.int32))


class KeyIndex:
    """Keys numbered 0, 1, 2, … in the order in which they first came.

    ``slots``: to begin with.  ``kind``: uint64, or uint32 for narrow keys (`yarnml.data.keys.KeyRows`).
    """

    def __init__(self, slots: int = SMALLEST_SLOTS, kind: npt.DTypeLike = np.uint64) -> None:
        self._keys = GrowingArray((), kind)
        self._slots: Numbers = np.full(slots, -1, np.int32)
        self._answer = NO_ANSWER
        self._bits = np.uint64(0)  # that any of its keys has had, or more

    @property
    def keys(self) -> Keys:
        """[keys], by number; valid until the next ones come."""
        return self._keys.rows

    @property
    def nbytes(self) -> int:
        return self._keys.nbytes + self._slots.nbytes

    def find(self, keys: Keys) -> Numbers:
        """The number of each key, -1 for one that is not there."""
        numbers = np.empty(len(keys), np.int32)
        shift = _shift(len(self._slots))
        if _have_own_slots(self._bits | _bits_of(keys), shift):
            kernels().first(keys, shift, self._slots, numbers)
        else:
            kernels().find(keys, shift, self._slots, self.keys, numbers)
        self._answer = _Answer(keys.copy(), numbers.copy())
        return numbers

    def number(self, keys: Keys) -> Numbers:
        """The number of each key; those that are not there are added."""
        if not len(self.keys):
            return self._add(keys)
        # Mostly most are there, and where one process computes alone it has asked for their weights just before.
        asked_before = np.array_equal(keys, self._answer.keys)
        numbers = self._answer.numbers.copy() if asked_before else self.find(keys)
        absent = np.flatnonzero(numbers < 0)
        if len(absent):
            numbers[absent] = self._add(keys[absent])
        return numbers

    def _add(self, keys: Keys) -> Numbers:
        """Number keys of which most are new."""
        numbers = np.empty(len(keys), np.int32)
        progress = np.array([0, len(self.keys)])
        self._bits |= _bits_of(keys)
        self._keys.extend(len(keys))
        while True:
            kernels().number(keys, _shift(len(self._slots)), progress, self._slots, self.keys, numbers)
            if progress[0] == len(keys):
                self._keys.cut(progress[1])
                return numbers
            self._place(self.keys[: progress[1]], 2 * len(self._slots))

    def cut(self, count: int) -> None:
        """Take away all keys behind the first ``count``; as much work as to number the others."""
        self._keys.cut(count)
        self._place(self.keys, len(self._slots))

    def keep(self, kept: Array) -> None:
        """Take away all keys but these, and number those anew, in the same order.  ``kept``: bool [keys]."""
        self._keys.keep(kept)
        self._place(self.keys, slots_for(len(self.keys)))

    def _place(self, keys: Keys, slots: int) -> None:
        """Put the keys, by number, into so many empty slots."""
        self._answer = NO_ANSWER
        self._slots = np.full(slots, -1, np.int32)
        kernels().place(keys, _shift(slots), self._slots)


def _shift(slots: int) -> np.uint64:
    """Bits of a hash but for the highest, which tell the first slot of a key."""
    return np.uint64(65 - slots.bit_length())


def _bits_of(keys: Array) -> np.uint64:
    """The bits that any of these keys has."""
    return np.uint64(np.bitwise_or.reduce(keys))


def _have_own_slots(bits: np.uint64, shift: np.uint64) -> bool:
    """Tell whether all keys of these bits have different first slots: they are no more than slots.

    The product with an odd number is another one for each, and its bits below the lowest of ``bits`` are 0, too.
    """
    return not bits & ((np.uint64(1) << shift) - np.uint64(1))


class Distinct(NamedTuple):
    """The different keys of some, and where each is.

    ``keys``: ascending.
    ``order``: [different keys], the number of each.
    ``numbers``: of each of the keys that were given, by which different ones come first; `places` takes longer.
    """

    keys: Keys
    order: Places
    numbers: Numbers

    @property
    def places(self) -> Numbers:
        """[keys that were given]: the place of each among ``keys``."""
        rank = np.empty(len(self.order), np.int32)
        rank[self.order] = np.arange(len(self.order), dtype=np.int32)
        return rank.take(self.numbers)

    @property
    def nbytes(self) -> int:
        return sum(array.nbytes for array in self)


def distinct(keys: Array) -> Distinct:
    """Find the different keys, of which the narrow ones are made whole: far fewer than all that came."""
    index = KeyIndex(slots_for(len(keys) // USES_OF_A_KEY), keys.dtype)
    numbers = index.number(keys)
    different = wide_keys(index.keys)
    order = ascending(different)
    return Distinct(different.take(order), order, numbers)


def ascending(keys: Keys) -> Places:
    """The places of different keys in ascending order."""
    order = np.empty(len(keys), np.int64)
    buckets = 1 << max(1, len(keys)).bit_length()
    starts = np.empty(buckets + 1, np.int64)
    return order if kernels().order(keys, _shift(buckets), starts, order) else np.argsort(keys)
