"""The two loops that trees spend their time in: adding up histograms, and sending rows down a level.

Both add and compare in the order of the rows, so that NumPy and numba give the same bits.  numba, the extra
``yarnml[trees]``, is several times faster; without it NumPy does the work.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class Kernels(NamedTuple):
    """``histograms(bins, order, starts, stats, out)`` and ``route(bins, node, feature, bin, left, equal, out)``.

    bins: uint8 [features, rows].  order: the rows of node after node, node j's being order[starts[j] … starts[j + 1]].
    stats: float32 [channels, len(order)], in that order.  out: float64 [channels, nodes, features, bins], begun with 0.

    node: int16 [rows] within a level, feature and bin of its split (feature -1: none, all go left), ``left``: whether
    missing values go left, ``equal``: whether the feature is categorical, and its category ``bin`` goes left alone.
    Missing values have the bin 255 or ``missing``, the last.  out: int16 [rows], the nodes one level below.
    """

    histograms: Callable[..., None]
    route: Callable[..., None]


def numpy_histograms(bins: Array, order: Array, starts: Array, stats: Array, out: Array) -> None:
    _, nodes, features, width = out.shape
    slot = np.repeat(np.arange(nodes) * width, np.diff(starts))
    for f in range(features):
        index = slot + bins[f][order]
        for channel, values in zip(out, stats, strict=True):
            channel[:, f] = np.bincount(index, values, nodes * width).reshape(nodes, width)


def numpy_route(
    bins: Array, node: Array, feature: Array, bin: Array, left: Array, equal: Array, missing: int, out: Array
) -> None:
    f = feature[node]
    value, at = bins[f, np.arange(len(node))], bin[node]
    right = np.where(value == missing, ~left[node], np.where(equal[f], value != at, value > at)) & (f >= 0)
    np.add(2 * node, right, out=out, casting="unsafe")


def _histograms(bins: Array, order: Array, starts: Array, stats: Array, out: Array) -> None:
    channels, nodes, features, _ = out.shape
    for j in range(nodes):
        for f in range(features):
            column = bins[f]
            if channels == 2:
                first, second = out[0, j, f], out[1, j, f]
                for i in range(starts[j], starts[j + 1]):
                    b = column[order[i]]
                    first[b] += stats[0, i]
                    second[b] += stats[1, i]
            else:
                for i in range(starts[j], starts[j + 1]):
                    b = column[order[i]]
                    for c in range(channels):
                        out[c, j, f, b] += stats[c, i]


def _route(
    bins: Array, node: Array, feature: Array, bin: Array, left: Array, equal: Array, missing: int, out: Array
) -> None:
    for i in range(len(node)):
        j = node[i]
        f = feature[j]
        right = False
        if f >= 0:
            value = bins[f, i]
            if value == missing:
                right = not left[j]
            elif equal[f]:
                right = value != bin[j]
            else:
                right = value > bin[j]
        out[i] = 2 * j + right


NUMPY = Kernels(numpy_histograms, numpy_route)

_HISTOGRAMS = "void(uint8[:, ::1], int64[::1], int64[::1], float32[:, ::1], float64[:, :, :, ::1])"
_ROUTE = "void(uint8[:, ::1], int16[::1], int32[::1], int32[::1], boolean[::1], boolean[::1], int64, int16[::1])"


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

    return Kernels(compiled(_histograms, _HISTOGRAMS), compiled(_route, _ROUTE))
