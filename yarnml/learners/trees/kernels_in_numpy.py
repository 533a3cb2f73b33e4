"""The inner loops of trees in NumPy: the functions of `yarnml.learners.trees.kernels.Kernels`."""

import numpy as np

from yarnml.data.arrays import Array
from yarnml.learners.trees.kernels_in_numba import ROUNDING

_BLOCK_PLACES = 1 << 15
"""Places to split at that are compared at a time: they fit the processor's cache."""


def bin(values: Array, edges: Array, out: Array) -> None:
    out[:] = np.searchsorted(edges, values)


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
    for _ in range(levels):
        rows = np.flatnonzero(feature[out] >= 0)
        if not len(rows):
            return
        node = out[rows]
        f = feature[node]
        value = bins[rows, f]
        right = value > bin[node]
        at = np.flatnonzero(categorical[f] & (value != missing))
        right[at] = sets[node[at], value[at] >> 5] >> (value[at] & 31) & 1 == 0
        out[rows] = child[node] + np.where(value == missing, ~left[node], right)


def sort(node: Array, place: Array, ends: Array, out: Array) -> None:
    own = place[node]
    rows = np.flatnonzero(own >= 0)
    ends[:] = np.cumsum(np.bincount(own[rows], minlength=len(ends)))
    out[: len(rows)] = rows[np.argsort(own[rows], kind="stable")]


def histograms(bins: Array, order: Array, begin: Array, end: Array, stats: Array, out: Array) -> None:
    nodes, features, width, channels = out.shape
    rows = np.concatenate([order[a:b] for a, b in zip(begin, end, strict=True)])
    slot = np.repeat(np.arange(nodes) * width, end - begin)
    own = stats[rows]
    for f in range(features):
        index = slot + bins[rows, f]
        for c in range(channels):
            out[:, f, :, c] = np.bincount(index, own[:, c], nodes * width).reshape(nodes, width)


def few_histograms(
    bins: Array, order: Array, begin: Array, end: Array, features: Array, stats: Array, out: Array
) -> None:
    nodes, count, width, channels = out.shape
    rows = np.concatenate([order[a:b] for a, b in zip(begin, end, strict=True)])
    node = np.repeat(np.arange(nodes), end - begin)
    for k in range(count):
        index = node * width + bins[rows, features[node, k]]
        for c in range(channels):
            out[:, k, :, c] = np.bincount(index, stats[rows, c], nodes * width).reshape(nodes, width)


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
    nodes, features, width, _ = sums.shape
    step = max(1, _BLOCK_PLACES // (features * width))
    for begin in range(0, nodes, step):
        block = slice(begin, begin + step)
        low = bounds[:, block, None, None] if bounded else None
        whole = total[:, block, None, None]
        l2 = penalty[block, :, None]
        place = np.arange(width - 1)
        own = np.moveaxis(sums[block], -1, 0)
        added = np.cumsum(own[..., :-1], axis=-1)
        possible = (place >= first[block, :, None]) & (place < last[block, :, None])
        alone = _worth(whole, l2, low)
        of_sides = []
        for upto in (added, added + own[..., -1:]):
            rest = whole - upto
            fits = possible & (upto[-1] >= least) & (rest[-1] >= least)
            if low is not None:
                rise = _leaf(rest, l2, low)[0] - _leaf(upto, l2, low)[0]
                fits &= trend[block, :, None] * rise >= 0
            both = _worth(upto, l2, low) + _worth(rest, l2, low)
            value = both - alone
            of_sides.append(np.where(fits & (value > ROUNDING * np.abs(both)), value, -np.inf))
        best_side = np.maximum(*of_sides).reshape(len(whole[0]), -1)
        best = np.argmax(best_side, axis=1)
        at = np.arange(len(best)), best
        gain[block] = best_side[at]
        left[block] = gain[block] > of_sides[0].reshape(best_side.shape)[at]
        feature[block], bin[block] = np.divmod(best, width - 1)


def _worth(sums: Array, l2: Array, bounds: Array | None) -> Array:
    """Twice the amount by which a leaf lowers the loss; sums [channels, …] → […]."""
    weight = sums[-1] + l2
    if bounds is None:
        return np.sum(np.square(sums[:-1]), axis=0) / np.where(weight > 0, weight, 1.0)
    leaf = _leaf(sums, l2, bounds)
    return -np.sum((2 * sums[:-1] + weight * leaf) * leaf, axis=0)


def _leaf(sums: Array, l2: Array, bounds: Array) -> Array:
    """The leaf that lowers the loss the most, within the bounds; sums [channels, …] → [outputs, …]."""
    weight = sums[-1] + l2
    return np.clip(-sums[:-1] / np.where(weight > 0, weight, 1.0), *bounds)
