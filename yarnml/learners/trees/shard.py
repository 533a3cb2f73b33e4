"""A shard's rows by feature, in bins, and their histograms."""

import zlib
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from yarnml.learners.base import Batch
from yarnml.learners.trees.kernels import GROUP, WORD, kernels

Array = npt.NDArray[Any]

_NO_VALUES = np.zeros((0, 0), np.float32)


class Data(NamedTuple):
    """float32 ``values`` [features, rows] before there are bins, uint8 ``bins`` [rows, columns] after that.

    The columns are the features, filled up with zeros.  ``name`` []: a number that tells one shard from another, for
    what is drawn.
    """

    values: Array
    bins: Array
    y: Array
    weight: Array
    name: Array

    def binned(self, edges: Array) -> "Data":
        """The values as bins, where they are not yet."""
        if not len(self.values):
            return self
        return self._replace(values=_NO_VALUES, bins=_bins_of(self.values, edges))


def gathered(batches: Iterable[Batch], features: int, edges: Array | None) -> Data:
    """The rows of a shard, in bins once their ``edges`` [features, bins] are known."""
    values, bins = [np.zeros((features, 0), np.float32)], [_no_bins(features, 0)]
    labels, weights, name = list[Array](), list[Array](), 0
    for batch in batches:
        x = np.ascontiguousarray(batch.x, np.float32).reshape(len(batch.y), features)
        name = zlib.crc32(x.data, name)
        if edges is None:
            values.append(x.T)
        else:
            bins.append(_bins_of(x.T, edges))
        labels.append(batch.y)
        weights.append(batch.weight)
    y = np.concatenate(labels) if labels else np.zeros(0, np.int32)
    weight = np.concatenate(weights) if weights else np.zeros(0, np.float32)
    if edges is None:
        return Data(np.concatenate(values, axis=1), bins[0], y, weight, np.array(name))
    return Data(_NO_VALUES, np.concatenate(bins), y, weight, np.array(name))


def _no_bins(features: int, rows: int) -> Array:
    return np.zeros((rows, _filled(features, WORD)), np.uint8)


def _filled(count: int, to: int) -> int:
    """The next multiple."""
    return -(-count // to) * to


def _bins_of(values: Array, edges: Array) -> Array:
    """uint8 [rows, columns], of values [features, rows]."""
    found = _no_bins(*values.shape)
    for f, (column, ends) in enumerate(zip(values, edges, strict=True)):
        kernels().bin(np.array(column), np.array(ends), found[:, f])
    return found


def histograms(bins: Array, node: Array, stats: Array, above: Array, shape: tuple[int, int, int]) -> Array:
    """float64 [nodes, features, bins, channels] of one tree's level; ``above``: of the level above, if there is one.

    bins [rows, columns], node [rows], stats [rows, channels]; ``above`` is empty for the root.  ``shape``: nodes,
    features, bins.  Of two siblings the smaller is counted: the other is what is left of both.
    """
    nodes, features, width = shape
    end, order, chosen = np.empty(nodes, np.int64), np.empty(len(node), np.uint32), np.arange(nodes)
    kernels().sort(node, end, order)
    rows = np.diff(end, prepend=0)
    if above.size:
        chosen = 2 * np.arange(nodes // 2) + (rows[1::2] < rows[::2])
    counted = np.zeros((len(chosen), _filled(features, GROUP), width, stats.shape[1]))
    kernels().histograms(bins, order, (end - rows)[chosen], end[chosen], stats, counted)
    counted = counted[:, :features]
    if not above.size:
        return counted
    found = np.empty((nodes, *counted.shape[1:]))
    found[chosen], found[chosen ^ 1] = counted, above - counted
    return found
