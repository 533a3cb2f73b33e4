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
ROUNDING = 3e-7
"""A gain that is a smaller part of the two sides' worth is rounding: gradients are float32."""


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
    _, count, _, channels = out.shape
    for j in range(len(begin)):
        for i in range(begin[j], end[j]):
            row = order[i]
            for k in range(count):
                b = bins[row, features[j, k]]
                for c in range(channels):
                    out[j, k, b, c] += stats[row, c]


def search(
    sums: Array,
    total: Array,
    penalty: Array,
    first: Array,
    last: Array,
    trend: Array,
    bounds: Array,
    bounded: bool,
    least: float,
    feature: Array,
    bin: Array,
    left: Array,
    gain: Array,
) -> None:
    """Look at the places one after another, but for those behind bins without rows, which part rows as others do."""
    nodes, features, width, channels = sums.shape
    outputs = channels - 1
    upto = np.empty(channels)
    missing = np.empty(channels)
    for j in range(nodes):
        gain[j] = -np.inf
        feature[j] = 0
        bin[j] = 0
        left[j] = False
        low = bounds[0, j]
        high = bounds[1, j]
        for k in range(features):
            l2 = penalty[j, k]
            weight = total[outputs, j] + l2
            whole = weight if weight > 0 else 1.0
            alone = 0.0
            for c in range(outputs):
                g = total[c, j]
                if bounded:
                    leaf = min(max(-g / whole, low), high)
                    alone -= (2 * g + weight * leaf) * leaf
                else:
                    alone += g * g
            if not bounded:
                alone /= whole
            sides = 1
            for c in range(channels):
                upto[c] = 0.0
                missing[c] = sums[j, k, width - 1, c]
                if missing[c] != 0:
                    sides = 2
            # Most trees have two sums a bin.  A loop without arrays of sums takes a twentieth off a fit of small trees.
            if channels == 2 and not bounded:
                g = 0.0
                own = 0.0
                for b in range(last[j, k]):
                    g += sums[j, k, b, 0]
                    own += sums[j, k, b, 1]
                    is_new = b == first[j, k] or sums[j, k, b, 0] != 0 or sums[j, k, b, 1] != 0
                    if b < first[j, k] or not is_new:
                        continue
                    for side in range(sides):
                        g_left = g + missing[0] * side
                        own_left = own + missing[1] * side
                        g_right = total[0, j] - g_left
                        own_right = total[1, j] - own_left
                        if own_left < least or own_right < least:
                            continue
                        own_left += l2
                        own_right += l2
                        worth_left = g_left * g_left / (own_left if own_left > 0 else 1.0)
                        both = worth_left + g_right * g_right / (own_right if own_right > 0 else 1.0)
                        value = both - alone
                        if value > ROUNDING * abs(both) and value > gain[j]:
                            gain[j] = value
                            feature[j] = k
                            bin[j] = b
                            left[j] = side == 1
                continue
            for b in range(last[j, k]):
                is_new = b == first[j, k]
                for c in range(channels):
                    is_new |= sums[j, k, b, c] != 0
                    upto[c] += sums[j, k, b, c]
                if b < first[j, k] or not is_new:
                    continue
                for side in range(sides):
                    own = upto[outputs] + missing[outputs] * side
                    rest = total[outputs, j] - own
                    if own < least or rest < least:
                        continue
                    own += l2
                    rest += l2
                    own_or_one = own if own > 0 else 1.0
                    rest_or_one = rest if rest > 0 else 1.0
                    worth_left = 0.0
                    worth_right = 0.0
                    rise = 0.0
                    for c in range(outputs):
                        g = upto[c] + missing[c] * side
                        h = total[c, j] - g
                        if bounded:
                            leaf_left = min(max(-g / own_or_one, low), high)
                            leaf_right = min(max(-h / rest_or_one, low), high)
                            worth_left -= (2 * g + own * leaf_left) * leaf_left
                            worth_right -= (2 * h + rest * leaf_right) * leaf_right
                            if c == 0:
                                rise = leaf_right - leaf_left
                        else:
                            worth_left += g * g
                            worth_right += h * h
                    if trend[j, k] * rise < 0:
                        continue
                    if not bounded:
                        worth_left /= own_or_one
                        worth_right /= rest_or_one
                    both = worth_left + worth_right
                    value = both - alone
                    if value > ROUNDING * abs(both) and value > gain[j]:
                        gain[j] = value
                        feature[j] = k
                        bin[j] = b
                        left[j] = side == 1
