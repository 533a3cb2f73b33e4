"""The inner loops of trees in NumPy: the functions of `yarnml.learners.trees.kernels.Kernels`."""

import numpy as np

from yarnml.data.arrays import Array


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
    channels, _, count, width = out.shape
    nodes = len(begin)
    rows = np.concatenate([order[a:b] for a, b in zip(begin, end, strict=True)])
    node = np.repeat(np.arange(nodes), end - begin)
    for k in range(count):
        index = node * width + bins[rows, features[node, k]]
        for c in range(channels):
            out[c, :nodes, k] = np.bincount(index, stats[rows, c], nodes * width).reshape(nodes, width)
