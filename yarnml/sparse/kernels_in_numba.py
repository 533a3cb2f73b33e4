"""The inner loops over keys as numba compiles them: the functions of `yarnml.sparse.kernels.Kernels`."""

import numpy as np

from yarnml.data.arrays import Array

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
"""2^64 over the golden ratio: the highest bits of a product with it are a key's first slot (Knuth, volume 3)."""

MAX_BUCKET = 64
"""Keys that may share their highest bits: insertion, which orders them, takes the square of their number."""


def number(keys: Array, shift: np.uint64, progress: Array, slots: Array, known: Array, numbers: Array) -> None:
    size = len(slots)
    mask = np.uint64(size - 1)
    count = progress[1]
    for i in range(progress[0], len(keys)):
        key = keys[i]
        slot = (np.uint64(key) * GOLDEN) >> shift
        own = slots[slot]
        while own >= 0 and known[own] != key:
            slot = (slot + np.uint64(1)) & mask
            own = slots[slot]
        if own < 0:
            if 2 * (count + 1) > size:
                progress[0] = i
                progress[1] = count
                return
            own = np.int32(count)
            slots[slot] = own
            known[own] = key
            count += 1
        numbers[i] = own
    progress[0] = len(keys)
    progress[1] = count


def place(known: Array, shift: np.uint64, slots: Array) -> None:
    mask = np.uint64(len(slots) - 1)
    for own in range(len(known)):
        slot = (np.uint64(known[own]) * GOLDEN) >> shift
        while slots[slot] >= 0:
            slot = (slot + np.uint64(1)) & mask
        slots[slot] = own


def first(keys: Array, shift: np.uint64, slots: Array, numbers: Array) -> None:
    for i in range(len(keys)):
        numbers[i] = slots[(np.uint64(keys[i]) * GOLDEN) >> shift]


def find(keys: Array, shift: np.uint64, slots: Array, known: Array, numbers: Array) -> None:
    mask = np.uint64(len(slots) - 1)
    for i in range(len(keys)):  # apart from what follows, so that the processor waits for many slots at once
        numbers[i] = slots[(np.uint64(keys[i]) * GOLDEN) >> shift]
    for i in range(len(keys)):
        key = keys[i]
        own = numbers[i]
        if own >= 0 and known[own] != key:
            slot = (np.uint64(key) * GOLDEN) >> shift
            while own >= 0 and known[own] != key:
                slot = (slot + np.uint64(1)) & mask
                own = slots[slot]
            numbers[i] = own


def merge(
    left_keys: Array, left_values: Array, right_keys: Array, right_values: Array, keys: Array, values: Array
) -> int:
    i = 0
    j = 0
    count = 0
    while i < len(left_keys) or j < len(right_keys):
        has_left = i < len(left_keys) and (j == len(right_keys) or left_keys[i] <= right_keys[j])
        has_right = j < len(right_keys) and (i == len(left_keys) or right_keys[j] <= left_keys[i])
        keys[count] = left_keys[i] if has_left else right_keys[j]
        for c in range(values.shape[1]):
            if has_left and has_right:
                values[count, c] = left_values[i, c] + right_values[j, c]
            elif has_left:
                values[count, c] = left_values[i, c]
            else:
                values[count, c] = right_values[j, c]
        i += has_left
        j += has_right
        count += 1
    return count


def in_both(left: Array, right: Array, left_places: Array, right_places: Array) -> int:
    i = 0
    j = 0
    count = 0
    while i < len(left) and j < len(right):  # without branches: which key is larger can't be foretold
        left_places[count] = i
        right_places[count] = j
        is_left = left[i] <= right[j]
        is_right = right[j] <= left[i]
        count += is_left & is_right
        i += is_left
        j += is_right
    return count


def order(keys: Array, shift: np.uint64, starts: Array, order: Array) -> bool:
    size = len(starts) - 1
    starts[:] = 0
    for i in range(len(keys)):
        starts[(keys[i] >> shift) + np.uint64(1)] += 1
    for bucket in range(size):
        if starts[bucket + 1] > MAX_BUCKET:
            return False
        starts[bucket + 1] += starts[bucket]
    for i in range(len(keys)):
        bucket = keys[i] >> shift
        order[starts[bucket]] = i
        starts[bucket] += 1
    for i in range(1, len(keys)):
        own = order[i]
        j = i
        while j > 0 and keys[order[j - 1]] > keys[own]:
            order[j] = order[j - 1]
            j -= 1
        order[j] = own
    return True


def row_sums(place: Array, offsets: Array, values: Array, weights: Array, sums: Array) -> None:
    for row in range(len(sums)):
        total = np.float32(0)
        for entry in range(offsets[row], offsets[row + 1]):
            if len(values):
                total += weights[place[entry]] * values[entry]
            else:
                total += weights[place[entry]]
        sums[row] = total


def key_sums(place: Array, offsets: Array, values: Array, slopes: Array, sums: Array) -> None:
    for row in range(len(slopes)):
        slope = slopes[row]
        for entry in range(offsets[row], offsets[row + 1]):
            if len(values):
                sums[place[entry]] += slope * values[entry]
            else:
                sums[place[entry]] += slope


def put(rows: Array, numbers: Array, following: Array) -> None:
    for i in range(len(numbers)):
        for c in range(rows.shape[1]):
            rows[numbers[i], c] = following[i, c]


def ftrl_weights(rows: Array, alpha: float, beta: float, l1: float, l2: float, weights: Array) -> None:
    def weight_of(z: float, n: float) -> float:  # without branches, so that the processor takes several at once
        weight = ((l1 if z > 0 else -l1) - z) / ((beta + np.sqrt(n)) / alpha + l2)
        return z - z if abs(z) <= l1 else weight

    count, width = weights.shape
    if width == 1:  # rows of one weight lie too close to be taken one by one
        z_and_n = rows.reshape(-1)
        for i in range(count):
            weights[i, 0] = weight_of(z_and_n[2 * i], z_and_n[2 * i + 1])
    else:
        for i in range(count):
            for c in range(width):
                weights[i, c] = weight_of(rows[i, c], rows[i, width + c])


def ftrl_update(rows: Array, sums: Array, alpha: float, beta: float, l1: float, l2: float, following: Array) -> None:
    def next_z(z: float, n: float, total: float, gradient: float) -> float:
        root = np.sqrt(n)
        weight = ((l1 if z > 0 else -l1) - z) / ((beta + root) / alpha + l2)
        return z + gradient - (np.sqrt(total) - root) / alpha * (weight if abs(z) > l1 else z - z)

    count, width = sums.shape
    if width == 1:
        z_and_n = rows.reshape(-1)
        gradients = sums.reshape(-1)
        next_z_and_n = following.reshape(-1)
        for i in range(count):
            n = z_and_n[2 * i + 1]
            total = n + gradients[i] * gradients[i]
            next_z_and_n[2 * i] = next_z(z_and_n[2 * i], n, total, gradients[i])
            next_z_and_n[2 * i + 1] = total
    else:
        for i in range(count):
            for c in range(width):
                n = rows[i, width + c]
                total = n + sums[i, c] * sums[i, c]
                following[i, c] = next_z(rows[i, c], n, total, sums[i, c])
                following[i, width + c] = total
