"""Inner loops of trees: values to bins, rows down a level and in order, histograms, and the search for splits.

They compare and add in the order of the rows, so that NumPy and numba give the same bits.  numba, the extra
``yarnml[trees]``, is several times faster; without it NumPy does the work.

A row's bins lie side by side.
"""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from yarnml.data.loops import compiled, has_numba
from yarnml.learners.trees import kernels_in_numba, kernels_in_numpy

WORD = 8
"""Bins that are copied at once: a row is filled up to a multiple of them."""


class Kernels(NamedTuple):
    """Functions that write into their last arguments.

    ``bin(values, edges, out)``: the bin of every value.
        values: float32 [rows]; edges: float32 [edges], ascending.
        out: uint8 [rows], the number of edges below; NaN is above all.

    ``route(bins, feature, bin, left, child, sets, categorical, missing, levels, out)``: rows to the nodes below.
        bins: uint8 [rows, columns].
        feature, bin [nodes]: the split of a node; feature -1: none, its rows stay.
        left [nodes]: true where missing values, which have the bin ``missing``, go left.
        child [nodes]: the node below on the left, that on the right is the next.
        sets: uint32 [nodes, words], the bins that go left at a split on a categorical feature, a bit for each.
        categorical [features]: true for those that are.
        levels: the most levels that a row goes down.
        out: int32 [rows], the nodes before and after.

    ``sort(node, place, ends, out)``: the rows in the order of their nodes' places; they keep their order within one.
        node: int32 [rows].  place: int32 [nodes]; -1 for nodes whose rows are left out.
        ends: int64 [places], written too: the rows of place j lie before ends[j].
        out: uint32 [rows], filled as far as there are such rows.

    ``histograms(bins, order, begin, end, stats, out)``: sums over the rows of every node, by feature and bin.
        Node j has the rows order[begin[j]] … order[end[j] - 1].  stats: float32 [rows, channels].
        out: float64 [nodes, features, bins, channels], filled with 0 by the caller.
        The number of columns is a multiple of WORD, that of features one of GROUP, and not larger.

    ``few_histograms(bins, order, begin, end, features, stats, out)``: the same by the features that each node has.
        features: int32 [nodes, features].
        out: float64 [nodes, features, bins, channels], filled with 0 by the caller.

    ``search(sums, total, penalty, first, last, trend, bounds, bounded, least, feature, bin, left, gain)``: the best
    place to split each node at; see `yarnml.learners.trees.splits`, whose `Level` has sums of this form.
        sums: float64 [nodes, features, bins + 1, channels].  total [channels, nodes]: of all rows of a node.
        penalty [nodes, features]: of the leaves.  least: sum of second derivatives on each side.
        first, last: int32 [nodes, features], the places from first up to last are looked at.
        trend: float32 [nodes, features].  bounds [2, nodes]: the least and the largest leaf, where ``bounded``.
        feature, bin: int32 [nodes], the number of the feature among those of the node, and the last bin on the left.
        left [nodes]: true where missing values go left.  gain [nodes]: twice what the split lowers the loss by;
        -inf where there is none.
    """

    bin: Callable[..., None]
    route: Callable[..., None]
    sort: Callable[..., None]
    histograms: Callable[..., None]
    few_histograms: Callable[..., None]
    search: Callable[..., None]


NUMPY = Kernels(*(getattr(kernels_in_numpy, name) for name in Kernels._fields))

_SIGNATURES = (
    "void(float32[::1], float32[::1], uint8[:])",
    "void(uint8[:, ::1], int32[::1], int32[::1], boolean[::1], int32[::1], uint32[:, ::1], boolean[::1], int64, int64, "
    "int32[::1])",
    "void(int32[::1], int32[::1], int64[::1], uint32[::1])",
    "void(uint8[:, ::1], uint32[::1], int64[::1], int64[::1], float32[:, ::1], float64[:, :, :, ::1])",
    "void(uint8[:, ::1], uint32[::1], int64[::1], int64[::1], int32[:, ::1], float32[:, ::1], float64[:, :, :, ::1])",
    "void(float64[:, :, :, ::1], float64[:, ::1], float64[:, ::1], int32[:, ::1], int32[:, ::1], float32[:, ::1], "
    "float64[:, ::1], boolean, float64, int32[::1], int32[::1], boolean[::1], float64[::1])",
)


@cache
def kernels() -> Kernels:
    """The loops compiled by numba where it is installed, else NumPy's functions."""
    if not has_numba():
        return NUMPY
    loops = Kernels(*(getattr(kernels_in_numba, name) for name in Kernels._fields))
    return Kernels(*(compiled(loop, signature) for loop, signature in zip(loops, _SIGNATURES, strict=True)))
