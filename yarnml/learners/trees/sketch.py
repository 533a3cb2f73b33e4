"""The distribution of a feature's values: their edges of bins, from a few passes over the rows.

The first pass finds the different values, where there are no more than bins: each gets a bin of its own
(`yarnml.learners.trees.distinct`).  For all other features passes of counting follow, each into finer cells.  Cells are
cut in the order of all floats, where neighbours are one apart: so the first ones need to know nothing of the data, and
a value that comes often ends up in a cell of its own.  After each pass heavy cells are cut again, into the more parts
the more they hold; by the square root, so that a heavy value does not take all.  All are sums, so the edges are the
same however the rows are cut into shards.  (Quantile sketches for trees: Chen and Guestrin, "XGBoost: A Scalable Tree
Boosting System", KDD 2016.)
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from yarnml.data.arrays import Array, places_within
from yarnml.job.learners import SKETCH_PASSES
from yarnml.learners.trees import distinct
from yarnml.learners.trees.float_keys import ZERO, between, float_of, key_of

PASSES = SKETCH_PASSES
LARGEST = float(np.finfo(np.float32).max)

_LOWEST_KEY = 0x00FFFFFF  # the key of -inf
_KEYS_END = 0xFF000002  # one more than the key of inf
_HALVINGS = 30
_LIGHT = 4  # a cell with less than 1/4 of a bin's weight needs no cutting


def cell_count(bins: int) -> int:
    """The number of cells of each feature, which is the length of a `distinct` table."""
    return distinct.numbers(bins)


def first_cells(features: int, bins: int) -> jax.Array:
    """The bounds of the first cells, uint32 [features, cells + 1].

    Cell i holds the keys from bound i up to bound i + 1, exclusive.
    """
    bounds = np.linspace(_LOWEST_KEY, _KEYS_END, cell_count(bins) + 1).astype(np.uint32)
    return jnp.broadcast_to(jnp.asarray(bounds), (features, len(bounds)))


def tables(x: Array, bins: int) -> Array:
    """The `distinct` tables of a shard, float64 [features, cells]; x [features, rows], NaN in none."""
    return np.array([distinct.table_of(_keys_of(column), bins) for column in x]).reshape(len(x), -1)


def distinct_edges(tables: Array, bins: int) -> tuple[Array, Array]:
    """Edges of bins as of `edges`, a bin for each value; and true for features whose values are no more than bins."""
    read = [distinct.read(table, bins) for table in tables]
    keys = np.array([own for own, _ in read])
    following = np.concatenate([keys[:, 1:], np.full_like(keys[:, :1], distinct.NO_KEY)], axis=1)
    is_last = following == distinct.NO_KEY
    middle = between(float_of(np.where(is_last, ZERO, keys)), float_of(np.where(is_last, ZERO, following)))
    return np.where(is_last, LARGEST, middle).astype(np.float32), np.array([complete for _, complete in read])


def counts(x: Array, weight: Array, cells: Array, known: Array) -> Array:
    """The weight of the rows in every cell, float64 [features, cells]; x [features, rows], NaN in none.

    ``known`` [features]: true where nothing has to be counted any more.
    """
    weights = np.zeros((len(x), cells.shape[1] - 1))
    ends = float_of(cells)
    ends[:, -1] = np.inf
    even = len(weight) == 0 or bool((weight == weight[0]).all())
    for f in np.flatnonzero(~known):
        if even:  # NaN is last in every order
            weights[f] = np.diff(np.searchsorted(np.sort(x[f]), ends[f])) * np.float64(weight[:1].sum())
        else:
            order = _in_order(x[f])
            before = np.concatenate([[0.0], np.cumsum(weight[order], dtype=np.float64)])
            weights[f] = np.diff(before[np.searchsorted(x[f][order], ends[f])])
    return weights


def refine(cells: Array, counts: Array, full: float) -> Array:
    """Cut the cells of a feature finer where the rows are; light neighbours become one.

    ``full``: the weight of a full bin.
    """
    count = len(counts)
    width = np.diff(cells)
    light = full / _LIGHT
    heavy = counts > light
    stretch = np.floor(np.cumsum(counts) / light)  # a run of light cells is cut where it fills a stretch
    begins = heavy[1:] | heavy[:-1] | (stretch[1:] != stretch[:-1])
    least = (np.append(True, begins) & (width > 0)).astype(np.int64)
    weight = np.where(heavy & (width > 1), np.sqrt(counts), 0.0)
    room = max(count - least.sum(), 0)
    more = np.floor(weight / max(weight.sum(), 1e-30) * room).astype(np.int64)
    parts = np.minimum(least + more, width)
    owner = np.repeat(np.arange(count), parts)[:count]
    place = places_within(parts)[:count]
    size, longer = np.divmod(width[owner], parts[owner])
    bounds = np.full(count + 1, cells[-1], np.uint32)
    bounds[: len(owner)] = cells[owner] + size * place + np.minimum(place, longer)
    return bounds


def edges(cells: Array, counts: Array, bins: int, full: float) -> Array:
    """The edges of a feature's bins, ascending, float32 [bins]: bin j holds values in (edge j - 1, edge j].

    Bins hold about the same weight, ``full``, but for values that weigh more; with no more cells in use than ``bins``,
    each has its own.  An edge lies in the middle between two cells in use; those not needed are the largest float.
    """
    used = np.flatnonzero(counts > 0)
    bin = np.minimum(_bins_of(counts, full), bins - 1)[used]
    last = np.searchsorted(bin, np.arange(bins), side="right") - 1  # cell in use of every bin, or of one before
    has_next = (last >= 0) & (last + 1 < len(used))
    below = float_of(cells[used[last[has_next]] + 1] - np.uint32(1))
    above = float_of(cells[used[last[has_next] + 1]])
    edges = np.full(bins, LARGEST, np.float32)
    edges[has_next] = between(below, above)
    return edges


def _bins_of(counts: Array, full: float) -> Array:
    """The bin of every cell: a cell of weight ``full`` has its own, others share."""
    heavy, inside, filled = _filled(counts, full)
    place = np.where(heavy, 0.0, np.maximum(np.floor((inside - counts / 2) / full), 0.0))
    return (np.cumsum(filled) - filled + place).astype(np.int64)


def _filled(counts: Array, full: Any) -> tuple[Array, Array, Array]:
    """For cells […, cells]: which are heavy, the weight since the newest heavy one, and the bins that end there."""
    heavy = counts >= full
    shared = np.cumsum(np.where(heavy, 0.0, counts), axis=-1)
    inside = shared - np.maximum.accumulate(np.where(heavy, shared, 0.0), axis=-1)
    # Of the light cells between two heavy ones.
    is_last = np.concatenate([heavy[..., 1:], np.ones_like(heavy[..., :1])], axis=-1)
    return heavy, inside, np.where(heavy, 1.0, np.where(is_last, np.ceil(inside / full), 0.0))


def weights_of_a_bin(counts: Array, bins: int) -> Array:
    """The weight of a full bin of every feature: about the least with which there are no more than ``bins``.

    By bisection; ``counts`` [features, cells].
    """
    is_used = counts > 0
    least = np.min(counts, axis=1, where=is_used, initial=np.inf)
    least = np.where(np.isfinite(least), least, 1.0)
    low = least
    high = np.maximum(counts.sum(axis=1), low)
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        fits = _filled(counts, middle[:, None])[2].sum(axis=1) <= bins
        low = np.where(fits, low, middle)
        high = np.where(fits, middle, high)
    return np.where(is_used.sum(axis=1) <= bins, least, high)


def _in_order(x: Array) -> Array:
    """The places of float32 numbers in ascending order, those of equal numbers ascending; NaN is last.

    Key and place are sorted as one whole number: a stable sort of the numbers takes NumPy five times as long.
    """
    both = key_of(x).astype(np.uint64) << np.uint64(32) | np.arange(len(x), dtype=np.uint64)
    both.sort()
    return both.astype(np.uint32)  # the lower half


def _keys_of(x: Array) -> Array:
    """The keys of all different numbers of a column, ascending."""
    return _without_repeats(key_of(_without_repeats(np.sort(x[~np.isnan(x)]))))


def _without_repeats(ascending: Array) -> Array:
    return ascending[np.append(True, ascending[1:] != ascending[:-1])[: len(ascending)]]
