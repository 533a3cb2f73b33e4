"""The inner loops of trees as numba compiles them: the functions of `yarnml.learners.trees.kernels.Kernels`.

The rows of a node are copied some at a time, since they lie scattered, and then added feature by feature, four of them
at once: their histograms stay in the fastest memory.
"""

import numpy as np

from yarnml.data.arrays import Array

GROUP = 4
"""Features that are added at once."""
BLOCK_ROWS = 512
"""Rows that are copied, and values that are sorted into bins, at a time: they fit the fastest memory."""


def bin(values: Array, edges: Array, out: Array) -> None:
    """Search all values of a block in step, half by half, which processors do in vectors."""
    below = np.empty(BLOCK_ROWS, np.uint32)
    for low in range(0, len(values), BLOCK_ROWS):
        count = min(BLOCK_ROWS, len(values) - low)
        size = len(edges)
        below[:] = 0
        while size > 1:
            half = size >> 1
            for i in range(count):
                above = not values[low + i] <= edges[below[i] + np.uint32(half - 1)]
                below[i] += np.uint32(half) * np.uint32(above)
            size -= half
        for i in range(count):
            out[low + i] = below[i] + np.uint32(not values[low + i] <= edges[below[i]])


def route(
    bins: Array,
    feature: Array,
    bin: Array,
    left: Array,
    child: Array,
    sets: Array,
    categorical: Array,
    missing: int,
    levels: int,
    out: Array,
) -> None:
    for i in range(len(out)):
        j = out[i]
        for _ in range(levels):
            f = feature[j]
            if f < 0:
                break
            value = bins[i, f]
            if value == missing:
                right = not left[j]
            elif categorical[f]:
                right = (sets[j, value >> 5] >> np.uint32(value & 31)) & np.uint32(1) == 0
            else:
                right = value > bin[j]
            j = child[j] + right
        out[i] = j


def sort(node: Array, place: Array, ends: Array, out: Array) -> None:
    ends[:] = 0
    for i in range(len(node)):
        j = place[node[i]]
        if j >= 0:
            ends[j] += 1
    total = 0
    for j in range(len(ends)):
        total, ends[j] = total + ends[j], total
    for i in range(len(node)):  # from where the rows of a place begin to where they end
        j = place[node[i]]
        if j >= 0:
            out[ends[j]] = i
            ends[j] += 1


def histograms(bins: Array, order: Array, begin: Array, end: Array, stats: Array, out: Array) -> None:
    nodes, features, _, channels = out.shape
    words = bins.view(np.uint64)
    copied = np.empty((BLOCK_ROWS, words.shape[1]), np.uint64)
    addends = np.empty((BLOCK_ROWS, channels))
    own = copied.view(np.uint8)
    for j in range(nodes):
        for low in range(begin[j], end[j], BLOCK_ROWS):
            count = min(BLOCK_ROWS, end[j] - low)
            for i in range(count):
                row = order[low + i]
                for w in range(words.shape[1]):
                    copied[i, w] = words[row, w]
                for c in range(channels):
                    addends[i, c] = stats[row, c]
            for f in range(0, features, GROUP):
                sums = out[j, f : f + GROUP]
                if channels == 2:
                    for i in range(count):
                        first = addends[i, 0]
                        second = addends[i, 1]
                        for k in range(GROUP):
                            b = own[i, f + k]
                            sums[k, b, 0] += first
                            sums[k, b, 1] += second
                else:
                    for i in range(count):
                        for k in range(GROUP):
                            b = own[i, f + k]
                            for c in range(channels):
                                sums[k, b, c] += addends[i, c]


def few_histograms(
    bins: Array, order: Array, begin: Array, end: Array, features: Array, stats: Array, out: Array
) -> None:
    channels, _, count, _ = out.shape
    for j in range(len(begin)):
        for i in range(begin[j], end[j]):
            row = order[i]
            for k in range(count):
                b = bins[row, features[j, k]]
                for c in range(channels):
                    out[c, j, k, b] += stats[row, c]
