"""The rows of a shard, by feature or in bins, and their histograms."""

import zlib
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from yarnml.data.arrays import Array
from yarnml.learners.base import Batch, PlacedBatch, flat
from yarnml.learners.trees.kernels import WORD, kernels
from yarnml.learners.trees.kernels_in_numba import GROUP

_NO_VALUES = np.zeros((0, 0), np.float32)
_SMALLEST = np.finfo(np.float32).smallest_normal


class Data(NamedTuple):
    """The rows of a shard.

    ``values`` float32 [features, rows]: before the edges of the bins are known, empty after that.
    ``bins`` uint8 [rows, columns]: after that.  The columns are the features, filled up with zeros.
    ``name`` []: a number that tells one shard from another, made of its rows; it goes into the seed of random draws.
    ``start`` float32 [scores, rows]: the leaves of the rows in an earlier model's trees, added up; None without one.
    ``offset`` float32 [rows]: what is added to the score of each; None without one.
    ``place`` int64 and ``group`` float64 [rows]: see `yarnml.learners.base.PlacedBatch`; None of other batches.
    """

    values: Array
    bins: Array
    y: Array
    weight: Array
    name: Array
    start: Array | None = None
    offset: Array | None = None
    place: Array | None = None
    group: Array | None = None

    def first_total(self, scores: int) -> Array:
        """The scores of the rows less the base, before the first round: float32 [scores, rows]."""
        total = np.zeros((scores, len(self.y)), np.float32) if self.start is None else self.start
        return total if self.offset is None else total + self.offset

    def binned(self, binning: "Binning") -> "Data":
        """Put the values into bins, unless they are."""
        if not len(self.values):
            return self
        return self._replace(values=_NO_VALUES, bins=_bins_of(self.values, binning))


class Binning(NamedTuple):
    """The bins of values: for numbers by ``edges`` [features, bins], for categories by `categories.bins_of`.

    ``table`` [categorical features, categories]; None where there are none.  ``categorical`` [features].
    """

    edges: Array
    table: Array | None
    categorical: Array


def read_shard(
    batches: Iterable[Batch | PlacedBatch],
    features: int,
    binning: Binning | None,
    start_of: Callable[[Array], Array] | None = None,
) -> Data:
    """Read the rows of a shard, in bins where these are known; a number behind the features is the offset.

    ``start_of``: [rows, features] → [scores, rows], see `Data.start`.
    """
    starts = list[Array]()
    offsets = list[Array]()
    values = [np.zeros((features, 0), np.float32)]
    bins = [_no_bins(features, 0)]
    labels = list[Array]()
    places = list[Array]()
    groups = list[Array]()
    weights = list[Array]()
    name = 0
    for batch in batches:
        numbers = flat(np.asarray(batch.x, np.float32))
        x = np.ascontiguousarray(numbers[:, :features])
        x = np.where(np.abs(x) < _SMALLEST, np.float32(0), x)  # XLA takes them for 0, when the model predicts
        name = zlib.crc32(x.data, name)
        if binning is None:
            values.append(x.T)
        else:
            bins.append(_bins_of(x.T, binning))
        if numbers.shape[1] > features:
            offsets.append(numbers[:, features].copy())
        if start_of:
            starts.append(start_of(x))
        if isinstance(batch, PlacedBatch):
            places.append(batch.place)
            groups.append(batch.group)
        labels.append(batch.y)
        weights.append(batch.weight)
    y = np.concatenate(labels) if labels else np.zeros(0, np.int32)
    weight = np.concatenate(weights) if weights else np.zeros(0, np.float32)
    start = np.concatenate(starts, axis=1) if starts else None
    offset = np.concatenate(offsets) if offsets else None
    by_feature = np.concatenate(values, axis=1) if binning is None else _NO_VALUES
    place, group = (np.concatenate(parts) if parts else None for parts in (places, groups))
    return Data(by_feature, np.concatenate(bins), y, weight, np.array(name), start, offset, place, group)


def _no_bins(features: int, rows: int) -> Array:
    return np.zeros((rows, _round_up(features, WORD)), np.uint8)


def _round_up(count: int, multiple: int) -> int:
    """The next multiple from ``count`` on."""
    return -(-count // multiple) * multiple


def _bins_of(values: Array, binning: Binning) -> Array:
    """The bins of values [features, rows]: uint8 [rows, columns]."""
    features, rows = values.shape
    bins = _no_bins(features, rows)
    missing = binning.edges.shape[1]
    tables = iter([] if binning.table is None else binning.table)
    for f, is_category in enumerate(binning.categorical):
        if is_category:
            code = np.nan_to_num(values[f], nan=0).astype(np.int64)
            bins[:, f] = np.where(np.isnan(values[f]), missing, next(tables)[code])
        else:
            kernels().bin(np.array(values[f]), np.array(binning.edges[f]), bins[:, f])
    return bins


def histograms(
    bins: Array, node: Array, stats: Array, nodes: Array, above: Sequence[Array] | None, shape: tuple[int, int]
) -> Array:
    """Histograms of nodes of one level of a tree: float64 [nodes, features, bins, channels].

    Of two siblings only the smaller is counted: the other is the parent less the smaller.

    ``bins`` [rows, columns]; ``node`` [rows]; ``stats`` [rows, channels].
    ``nodes``: their numbers, ascending, siblings side by side.
    ``above``: the histograms of their parents; None for the root.
    ``shape``: (features, bins).
    """
    features, width = shape
    order, begin, end = in_order(node, nodes)
    all_sums = np.empty((len(nodes), _round_up(features, GROUP), width, stats.shape[1]))
    if above is None:
        all_sums[:] = 0
        kernels().histograms(bins, order, begin, end, stats, all_sums)
        return all_sums[:, :features]
    rows = end - begin
    chosen = 2 * np.arange(len(above)) + (rows[1::2] < rows[::2])
    end[chosen ^ 1] = begin[chosen ^ 1]
    all_sums[chosen] = 0
    kernels().histograms(bins, order, begin, end, stats, all_sums)
    sums = all_sums[:, :features]
    for parent, counted, other in zip(above, chosen, chosen ^ 1, strict=True):
        np.subtract(parent, sums[counted], out=sums[other])
    return sums


def in_order(node: Array, nodes: Array) -> tuple[Array, Array, Array]:
    """The rows of nodes: their order, and for each node the places in it of its first row, and behind its last.

    ``node`` int32 [rows]: those of all rows; ``nodes``: numbers, of which each comes once.
    """
    place = np.full(max(node.max(initial=0), nodes.max(initial=0)) + 1, -1, np.int32)
    place[nodes] = np.arange(len(nodes))
    end = np.zeros(len(nodes), np.int64)
    order = np.empty(len(node), np.uint32)
    kernels().sort(node, place, end, order)
    return order, np.concatenate([[0], end[:-1]]).astype(np.int64)[: len(end)], end
