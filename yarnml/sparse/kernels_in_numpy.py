"""The inner loops over keys in NumPy, all keys at once: the functions of `yarnml.sparse.kernels.Kernels`."""

import numpy as np

from yarnml.data.arrays import Array
from yarnml.sparse.kernels_in_numba import GOLDEN


def number(
    keys: Array, before: int, progress: Array, slot_keys: Array, slot_numbers: Array, numbers: Array, new: Array
) -> None:
    count = before
    find(keys, slot_keys, slot_numbers, numbers)
    absent = np.flatnonzero(numbers < 0)
    different, first, inverse = np.unique(keys[absent], return_index=True, return_inverse=True)
    total = count + len(different)
    if 2 * total > len(slot_keys):
        return
    order = np.argsort(first)
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(count, total, dtype=np.int32)
    numbers[absent] = rank[inverse]
    new[: len(order)] = different[order]
    _insert(different[order], count, slot_keys, slot_numbers)
    progress[:] = len(keys), total


def find(keys: Array, slot_keys: Array, slot_numbers: Array, numbers: Array) -> None:
    slot = _first_slots(keys, len(slot_keys))
    pending = np.arange(len(keys))
    while len(pending):
        at = slot[pending]
        numbers[pending] = slot_numbers[at]
        pending = pending[(slot_numbers[at] >= 0) & (slot_keys[at] != keys[pending])]
        slot[pending] = (slot[pending] + 1) & (len(slot_keys) - 1)


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


def order(keys: Array, starts: Array, order: Array) -> bool:
    order[:] = np.argsort(keys)
    return True


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


def _insert(new: Array, count: int, slot_keys: Array, slot_numbers: Array) -> None:
    """Put in different keys that are not there; of several that meet in one slot the first stays."""
    slot = _first_slots(new, len(slot_keys))
    pending = np.arange(len(new))
    while len(pending):
        free = pending[slot_numbers[slot[pending]] < 0]
        _, first = np.unique(slot[free], return_index=True)
        placed = free[first]
        slot_keys[slot[placed]] = new[placed]
        slot_numbers[slot[placed]] = count + placed
        pending = np.setdiff1d(pending, placed, assume_unique=True)
        slot[pending] = (slot[pending] + 1) & (len(slot_keys) - 1)


def _first_slots(keys: Array, size: int) -> Array:
    shift = np.uint64(65 - size.bit_length())
    return ((keys * GOLDEN) >> shift).astype(np.int64)
