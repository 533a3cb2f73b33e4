"""The inner loops over keys in NumPy, all keys at once: the functions of `yarnml.sparse.kernels.Kernels`."""

import numpy as np

from yarnml.data.arrays import Array
from yarnml.sparse.kernels_in_numba import GOLDEN


def number(keys: Array, shift: np.uint64, progress: Array, slots: Array, known: Array, numbers: Array) -> None:
    count = progress[1]
    find(keys, shift, slots, known, numbers)
    absent = np.flatnonzero(numbers < 0)
    different, first, inverse = np.unique(keys[absent], return_index=True, return_inverse=True)
    total = count + len(different)
    if 2 * total > len(slots):
        return
    order = np.argsort(first)
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(count, total, dtype=np.int32)
    numbers[absent] = rank[inverse]
    known[count:total] = different[order]
    _place(known, count, total, shift, slots)
    progress[:] = len(keys), total


def place(known: Array, shift: np.uint64, slots: Array) -> None:
    _place(known, 0, len(known), shift, slots)


def first(keys: Array, shift: np.uint64, slots: Array, numbers: Array) -> None:
    numbers[:] = slots[_first_slots(keys, shift)]


def find(keys: Array, shift: np.uint64, slots: Array, known: Array, numbers: Array) -> None:
    slot = _first_slots(keys, shift)
    pending = np.arange(len(keys))
    while len(pending):
        own = slots[slot[pending]]
        numbers[pending] = own
        is_other = own >= 0
        is_other[is_other] = known[own[is_other]] != keys[pending[is_other]]
        pending = pending[is_other]
        slot[pending] = (slot[pending] + 1) & (len(slots) - 1)


def merge(
    left_keys: Array, left_values: Array, right_keys: Array, right_values: Array, keys: Array, values: Array
) -> int:
    union = np.union1d(left_keys, right_keys)
    left = np.searchsorted(union, left_keys)
    right = np.searchsorted(union, right_keys)
    in_left = np.zeros(len(union), bool)
    in_left[left] = True
    is_shared = in_left[right]
    keys[: len(union)] = union
    values[left] = left_values
    values[right[~is_shared]] = right_values[~is_shared]
    values[right[is_shared]] += right_values[is_shared]
    return len(union)


def in_both(left: Array, right: Array, left_places: Array, right_places: Array) -> int:
    places = np.searchsorted(right, left)
    known = np.flatnonzero(places < len(right))
    known = known[right[places[known]] == left[known]]
    left_places[: len(known)] = known
    right_places[: len(known)] = places[known]
    return len(known)


def order(keys: Array, shift: np.uint64, starts: Array, order: Array) -> bool:
    order[:] = np.argsort(keys)
    return True


def row_sums(place: Array, offsets: Array, values: Array, weights: Array, sums: Array) -> None:
    sums[:] = 0
    taken = weights[place] * values if len(values) else weights[place]
    np.add.at(sums, np.repeat(np.arange(len(sums)), np.diff(offsets)), taken)


def key_sums(place: Array, offsets: Array, values: Array, slopes: Array, sums: Array) -> None:
    taken = np.repeat(slopes, np.diff(offsets))
    np.add.at(sums, place, taken * values if len(values) else taken)


def put(rows: Array, numbers: Array, following: Array) -> None:
    rows[numbers] = following


def ftrl_weights(rows: Array, alpha: float, beta: float, l1: float, l2: float, weights: Array) -> None:
    width = weights.shape[1]
    z = rows[:, :width]
    weights[...] = (np.sign(z) * l1 - z) / ((beta + np.sqrt(rows[:, width:])) / alpha + l2)
    weights[np.abs(z) <= l1] = 0.0


def ftrl_update(rows: Array, sums: Array, alpha: float, beta: float, l1: float, l2: float, following: Array) -> None:
    width = sums.shape[1]
    n = rows[:, width:]
    weights = np.empty_like(sums)
    ftrl_weights(rows, alpha, beta, l1, l2, weights)
    following[:, width:] = n + sums * sums
    sigma = (np.sqrt(following[:, width:]) - np.sqrt(n)) / alpha
    following[:, :width] = rows[:, :width] + sums - sigma * weights


def _place(known: Array, before: int, total: int, shift: np.uint64, slots: Array) -> None:
    """Put in the keys ``before`` … ``total`` - 1; of several that meet in one slot the first stays."""
    slot = _first_slots(known[before:total], shift)
    pending = np.arange(total - before)
    while len(pending):
        free = pending[slots[slot[pending]] < 0]
        _, first = np.unique(slot[free], return_index=True)
        placed = free[first]
        slots[slot[placed]] = before + placed
        pending = np.setdiff1d(pending, placed, assume_unique=True)
        slot[pending] = (slot[pending] + 1) & (len(slots) - 1)


def _first_slots(keys: Array, shift: np.uint64) -> Array:
    return ((keys.astype(np.uint64) * GOLDEN) >> shift).astype(np.int64)
