"""A shard's rows by feature, in bins, and their histograms."""

import zlib
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from yarnml.learners.base import Batch
from yarnml.learners.trees.kernels import kernels

Array = npt.NDArray[Any]


class Data(NamedTuple):
    """float32 ``values`` [features, rows] before there are bins, uint8 ``bins`` after that; empty else.

    ``name`` []: a number that tells one shard from another, for what is drawn.
    """

    values: Array
    bins: Array
    y: Array
    weight: Array
    name: Array

    def binned(self, edges: Array) -> "Data":
        """The values as bins, where they are not yet."""
        if not self.values.size:
            return self
        return self._replace(values=self.values[:, :0], bins=_bins_of(self.values, edges))


def gathered(batches: Iterable[Batch], features: int, edges: Array | None) -> Data:
    """The rows of a shard, in bins once their ``edges`` [features, bins] are known."""
    kind = np.float32 if edges is None else np.uint8
    columns, labels, weights, name = [np.zeros((features, 0), kind)], [], [], 0
    for batch in batches:
        x = np.ascontiguousarray(batch.x, np.float32).reshape(len(batch.y), features)
        name = zlib.crc32(x.tobytes(), name)
        columns.append(x.T if edges is None else _bins_of(x.T, edges))
        labels.append(batch.y)
        weights.append(batch.weight)
    rows = np.ascontiguousarray(np.concatenate(columns, axis=1))
    y = np.concatenate(labels) if labels else np.zeros(0, np.int32)
    weight = np.concatenate(weights) if weights else np.zeros(0, np.float32)
    values, bins = (
        (rows, np.zeros((features, 0), np.uint8)) if edges is None else (rows[:, :0].astype(np.float32), rows)
    )
    return Data(values, bins, y, weight, np.array(name))


def _bins_of(values: Array, edges: Array) -> Array:
    """uint8 [features, rows]: how many edges are below; NaN is above all."""
    return np.stack([np.searchsorted(e, column) for e, column in zip(edges, values, strict=True)]).astype(np.uint8)


def histograms(bins: Array, node: Array, stats: Array, above: Array, width: int, nodes: int) -> Array:
    """float64 [channels, nodes, features, width] of one tree's level; ``above``: of the level above, if there is one.

    bins [features, rows], node [rows], stats [channels, rows]; ``above`` is empty for the root.  Of two siblings the
    smaller is counted: the other is what is left of both.
    """
    rows = np.bincount(node, minlength=nodes)
    ends, order, chosen = np.cumsum(rows), np.argsort(node, kind="stable"), np.arange(nodes)
    if above.size:
        chosen = 2 * np.arange(nodes // 2) + (rows[1::2] < rows[::2])
        order = np.concatenate([order[ends[j] - rows[j] : ends[j]] for j in chosen])
    starts = np.concatenate([[0], np.cumsum(rows[chosen])])
    counted = np.zeros((len(stats), len(chosen), len(bins), width))
    kernels().histograms(bins, order, starts, np.ascontiguousarray(stats[:, order]), counted)
    if not above.size:
        return counted
    found = np.empty((len(stats), nodes, len(bins), width))
    found[:, chosen], found[:, chosen ^ 1] = counted, above - counted
    return found
