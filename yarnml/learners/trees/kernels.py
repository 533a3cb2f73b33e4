"""The loops that trees spend their time in: values to bins, rows down a level and in order, histograms of them.

They compare and add in the order of the rows, so that NumPy and numba give the same bits.  numba, the extra
``yarnml[trees]``, is several times faster; without it NumPy does the work.

A row's bins lie side by side.  The rows of a node are copied some at a time, since they lie scattered, and then added
feature by feature, four of them at once: their histograms stay in the fastest memory.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

WORD = 8  # bins that are copied at once: a row is filled up to some of them
GROUP = 4  # features that are added at once
SOME = 512  # rows that are copied, and values that are sorted into bins, at a time


class Kernels(NamedTuple):
    """Functions that write into their last arguments.

    ``bin(values, edges, out)``: float32 [rows] and [edges], ascending → uint8 [rows], how many edges are below; NaN is
    above all.

    ``route(bins, node, feature, bin, left, equal, missing, out)``: int16 [rows], the nodes one level below.  bins:
    uint8 [rows, columns].  node: int16 [rows] within a level; feature and bin of its split (feature -1: none, all
    go left), ``left``: whether missing values, which have the bin ``missing``, go left, ``equal``: whether the feature
    is categorical, and its category ``bin`` goes left alone.

    ``sort(node, ends, out)``: uint32 [rows], the rows of node after node, node j's up to place ends[j], which is found,
    too; int64 [nodes].

    ``histograms(bins, order, begin, end, stats, out)``: float64 [nodes, features, bins, channels], begun with 0: the
    sums of stats, float32 [rows, channels], over the rows order[begin[j]] … order[end[j] - 1] of every node j.  The
    number of columns is a multiple of WORD, that of features one of GROUP, and not larger.
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
    value, at = bins[np.arange(len(node)), f], bin[node]
    right = np.where(value == missing, ~left[node], np.where(equal[f], value != at, value > at)) & (f >= 0)
    np.add(2 * node, right, out=out, casting="unsafe")


def numpy_sort(node: Array, ends: Array, out: Array) -> None:
    ends[:] = np.cumsum(np.bincount(node, minlength=len(ends)))
    out[:] = np.argsort(node, kind="stable")


def numpy_histograms(bins: Array, order: Array, begin: Array, end: Array, stats: Array, out: Array) -> None:
    nodes, features, width, channels = out.shape
    rows = np.concatenate([order[a:b] for a, b in zip(begin, end, strict=True)])
    slot, own = np.repeat(np.arange(nodes) * width, end - begin), stats[rows]
    for f in range(features):
        index = slot + bins[rows, f]
        for c in range(channels):
            out[:, f, :, c] = np.bincount(index, own[:, c], nodes * width).reshape(nodes, width)


def _bin(values: Array, edges: Array, out: Array) -> None:
    """Halves all of some values together, which processors do in vectors."""
    below = np.empty(SOME, np.uint32)
    for low in range(0, len(values), SOME):
        count, size = min(SOME, len(values) - low), len(edges)
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
    copied, addends = np.empty((SOME, words.shape[1]), np.uint64), np.empty((SOME, channels))
    own = copied.view(np.uint8)
    for j in range(nodes):
        for low in range(begin[j], end[j], SOME):
            count = min(SOME, end[j] - low)
            for i in range(count):
                row = order[low + i]
                for w in range(words.shape[1]):
                    copied[i, w] = words[row, w]
                for c in range(channels):
                    addends[i, c] = stats[row, c]
            for f in range(0, features, GROUP):
                here = out[j, f : f + GROUP]
                if channels == 2:
                    for i in range(count):
                        first, second = addends[i, 0], addends[i, 1]
                        for k in range(GROUP):
                            b = own[i, f + k]
                            here[k, b, 0] += first
                            here[k, b, 1] += second
                else:
                    for i in range(count):
                        for k in range(GROUP):
                            b = own[i, f + k]
                            for c in range(channels):
                                here[k, b, c] += addends[i, c]


NUMPY = Kernels(numpy_bin, numpy_route, numpy_sort, numpy_histograms)

_SIGNATURES = (
    "void(float32[::1], float32[::1], uint8[:])",
    "void(uint8[:, ::1], int16[::1], int32[::1], int32[::1], boolean[::1], boolean[::1], int64, int16[::1])",
    "void(int16[::1], int64[::1], uint32[::1])",
    "void(uint8[:, ::1], uint32[::1], int64[::1], int64[::1], float32[:, ::1], float64[:, :, :, ::1])",
)


@cache
def kernels() -> Kernels:
    """numba's where it is installed, else NumPy's."""
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
