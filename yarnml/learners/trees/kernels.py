"""Inner loops of trees, where they spend their time: values to bins, rows down a level and in order, histograms.

They compare and add in the order of the rows, so that NumPy and numba give the same bits.  numba, the extra
``yarnml[trees]``, is several times faster; without it NumPy does the work.

A row's bins lie side by side.  The rows of a node are copied some at a time, since they lie scattered, and then added
feature by feature, four of them at once: their histograms stay in the fastest memory.
"""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np

from yarnml.data.arrays import Array

WORD = 8
"""Bins that are copied at once: a row is filled up to a multiple of them."""
GROUP = 4
"""Features that are added at once."""
BLOCK_ROWS = 512
"""Rows that are copied, and values that are sorted into bins, at a time: they fit the fastest memory."""


class Kernels(NamedTuple):
    """Functions that write into their last arguments.

    ``bin(values, edges, out)``: the bin of every value.
        values: float32 [rows]; edges: float32 [edges], ascending.
        out: uint8 [rows], the number of edges below; NaN is above all.

    ``route(bins, node, feature, bin, left, equal, missing, out)``: the node of every row, one level below.
        bins: uint8 [rows, columns].  node: int16 [rows], within the level.
        feature, bin [nodes]: the split of a node; feature -1: none, all rows go left.
        left [nodes]: true where missing values, which have the bin ``missing``, go left.
        equal [features]: true for a categorical feature, of which the category ``bin`` goes left alone.
        out: int16 [rows].

    ``sort(node, ends, out)``: the rows in the order of their nodes; within a node they keep their order.
        ends: int64 [nodes], written too: node j's rows lie before place ends[j].
        out: uint32 [rows].

    ``histograms(bins, order, begin, end, stats, out)``: sums over the rows of every node, by feature and bin.
        Node j has the rows order[begin[j]] … order[end[j] - 1].  stats: float32 [rows, channels].
        out: float64 [nodes, features, bins, channels], filled with 0 by the caller.
        The number of columns is a multiple of WORD, that of features one of GROUP, and not larger.
    """

    bin: Callable[..., None]
    route: Callable[..., None]
    sort: Callable[..., None]
    histograms: Callable[..., None]


def numpy_bin(values: Array, edges: Array, out: Array) -> None:
    out[:] = np.searchsorted(edges, values)


def numpy_route(
    bins: Array, node: Array, feature: Array, bin: Array, left: Array, equal: Array, missing: int, out: Array
) -> None:
    f = feature[node]
    value = bins[np.arange(len(node)), f]
    at = bin[node]
    right = np.where(value == missing, ~left[node], np.where(equal[f], value != at, value > at)) & (f >= 0)
    np.add(2 * node, right, out=out, casting="unsafe")


def numpy_sort(node: Array, ends: Array, out: Array) -> None:
    ends[:] = np.cumsum(np.bincount(node, minlength=len(ends)))
    out[:] = np.argsort(node, kind="stable")


def numpy_histograms(bins: Array, order: Array, begin: Array, end: Array, stats: Array, out: Array) -> None:
    nodes, features, width, channels = out.shape
    rows = np.concatenate([order[a:b] for a, b in zip(begin, end, strict=True)])
    slot = np.repeat(np.arange(nodes) * width, end - begin)
    own = stats[rows]
    for f in range(features):
        index = slot + bins[rows, f]
        for c in range(channels):
            out[:, f, :, c] = np.bincount(index, own[:, c], nodes * width).reshape(nodes, width)


def _bin(values: Array, edges: Array, out: Array) -> None:
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


def _route(
    bins: Array, node: Array, feature: Array, bin: Array, left: Array, equal: Array, missing: int, out: Array
) -> None:
    for i in range(len(node)):
        j = node[i]
        f = feature[j]
        right = False
        if f >= 0:
            value = bins[i, f]
            if value == missing:
                right = not left[j]
            elif equal[f]:
                right = value != bin[j]
            else:
                right = value > bin[j]
        out[i] = 2 * j + right


def _sort(node: Array, ends: Array, out: Array) -> None:
    ends[:] = 0
    for i in range(len(node)):
        ends[node[i]] += 1
    total = 0
    for j in range(len(ends)):
        total, ends[j] = total + ends[j], total
    for i in range(len(node)):  # from where a node's rows begin to where they end
        j = node[i]
        out[ends[j]] = i
        ends[j] += 1


def _histograms(bins: Array, order: Array, begin: Array, end: Array, stats: Array, out: Array) -> None:
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


NUMPY = Kernels(numpy_bin, numpy_route, numpy_sort, numpy_histograms)

_SIGNATURES = (
    "void(float32[::1], float32[::1], uint8[:])",
    "void(uint8[:, ::1], int16[::1], int32[::1], int32[::1], boolean[::1], boolean[::1], int64, int16[::1])",
    "void(int16[::1], int64[::1], uint32[::1])",
    "void(uint8[:, ::1], uint32[::1], int64[::1], int64[::1], float32[:, ::1], float64[:, :, :, ::1])",
)


@cache
def kernels() -> Kernels:
    """The loops compiled by numba where it is installed, else NumPy's functions."""
    try:
        import numba
    except ImportError:
        return NUMPY

    def compiled(function: Callable[..., None], signature: str) -> Callable[..., None]:
        try:
            return numba.njit(signature, cache=True)(function)
        except RuntimeError:  # there is no folder to keep compiled code in
            return numba.njit(signature)(function)

    loops = Kernels(_bin, _route, _sort, _histograms)
    return Kernels(*(compiled(loop, signature) for loop, signature in zip(loops, _SIGNATURES, strict=True)))
