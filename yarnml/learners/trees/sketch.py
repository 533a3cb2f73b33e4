"""The distribution of a feature's values: their edges of bins, from a few passes over the rows.

The first pass finds the different values, where there are no more than bins: each gets a bin of its own
(`yarnml.learners.trees.distinct`).  For all other features passes of counting follow, each into finer cells.  Cells are
cut in the order of all floats, where neighbours are one apart: so the first ones need to know nothing of the data, and
a value that comes often ends up in a cell of its own.  After each pass heavy cells are cut again, into the more parts
the more they hold; by the square root, so that a heavy value does not take all.  All are sums, so the edges are the
same however the rows are cut into shards.  (Quantile sketches for trees: Chen and Guestrin, "XGBoost: A Scalable Tree
Boosting System", KDD 2016.)
"""

import jax
import jax.numpy as jnp
import numpy as np

from yarnml.data.arrays import Array
from yarnml.job.learners import SKETCH_PASSES
from yarnml.learners.trees import distinct
from yarnml.learners.trees.float_keys import between, float_of, key_of

PASSES = SKETCH_PASSES
LARGEST = float(np.finfo(np.float32).max)

_LOWEST_KEY = 0x00FFFFFF  # the key of -inf
_KEYS_END = 0xFF000002  # one more than the key of inf
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


def distinct_edges(tables: jax.Array, bins: int) -> tuple[jax.Array, jax.Array]:
    """Edges of bins as of `edges`, a bin for each value; and true for features whose values are no more than bins."""
    keys, complete = jax.vmap(lambda table: distinct.read(table, bins))(tables)
    following = jnp.concatenate([keys[:, 1:], jnp.full_like(keys[:, :1], distinct.NO_KEY)], axis=1)
    middle = between(float_of(keys, jnp), float_of(following, jnp))
    return jnp.where(following == distinct.NO_KEY, LARGEST, middle), complete


def counts(x: Array, weight: Array, cells: Array, known: Array) -> Array:
    """The weight of the rows in every cell, float64 [features, cells]; x [features, rows], NaN in none.

    ``known`` [features]: true where nothing has to be counted any more.
    """
    weights = np.zeros((len(x), cells.shape[1] - 1))
    ends = float_of(cells, np)
    ends[:, -1] = np.inf
    even = len(weight) == 0 or bool((weight == weight[0]).all())
    for f in np.flatnonzero(~known):
        if even:  # NaN is last in every order
            weights[f] = np.diff(np.searchsorted(np.sort(x[f]), ends[f])) * np.float64(weight[:1].sum())
        else:
            order = np.argsort(x[f], kind="stable")
            before = np.concatenate([[0.0], np.cumsum(weight[order], dtype=np.float64)])
            weights[f] = np.diff(before[np.searchsorted(x[f][order], ends[f])])
    return weights


def refine(cells: jax.Array, counts: jax.Array, bins: int) -> jax.Array:
    """Cut cells finer where the rows are; light neighbours become one."""
    return jax.vmap(lambda c, n: _refine(c, n, bins))(cells, counts)


def edges(cells: jax.Array, counts: jax.Array, bins: int) -> jax.Array:
    """The edges of bins, ascending, float32 [features, bins]: bin j holds values in (edge j - 1, edge j].

    Bins hold about the same weight, but for values that weigh more; with no more cells in use than ``bins``, each has
    its own.  An edge lies in the middle between two cells in use; those that are not needed are the largest float.
    """
    return jax.vmap(lambda c, n: _edges(c, n, bins))(cells, counts)


def _refine(cells: jax.Array, counts: jax.Array, bins: int) -> jax.Array:
    count = len(counts)
    width = cells[1:] - cells[:-1]
    light = _weight_of_a_bin(counts, bins) / _LIGHT
    heavy = counts > light
    stretch = jnp.floor(jnp.cumsum(counts) / light)  # a run of light cells is cut where it fills a stretch
    begins = heavy[1:] | heavy[:-1] | (stretch[1:] != stretch[:-1])
    least = (jnp.append(jnp.array(True), begins) & (width > 0)).astype(jnp.uint32)
    weight = jnp.where(heavy & (width > 1), jnp.sqrt(counts), 0.0)
    room = jnp.maximum(count - jnp.sum(least, dtype=jnp.float32), 0.0)
    more = jnp.floor(weight / jnp.maximum(jnp.sum(weight), 1e-30) * room).astype(jnp.uint32)
    parts = jnp.minimum(least + more, width)
    ends = jnp.cumsum(parts)
    number = jnp.arange(count, dtype=jnp.uint32)
    owner = jnp.minimum(jnp.searchsorted(ends, number, side="right"), count - 1)
    place = number - (ends - parts)[owner]
    among = jnp.maximum(parts[owner], 1)
    bound = cells[owner] + width[owner] // among * place + jnp.minimum(place, width[owner] % among)
    return jnp.append(jnp.where(number < ends[-1], bound, cells[-1]), cells[-1])


def _edges(cells: jax.Array, counts: jax.Array, bins: int) -> jax.Array:
    count = len(counts)
    used = counts > 0
    number = jnp.arange(count)
    bin = jnp.minimum(_bins_of(counts, _weight_of_a_bin(counts, bins))[0], bins - 1)
    last = jax.lax.cummax(jnp.full(bins, -1).at[bin].max(jnp.where(used, number, -1)))
    following = jnp.append(jax.lax.cummin(jnp.where(used, number, count), reverse=True), count)[last + 1]
    below = float_of(cells[last + 1] - 1, jnp)
    above = float_of(cells[jnp.minimum(following, count - 1)], jnp)
    return jnp.where((last < 0) | (following == count), LARGEST, between(below, above))


def _bins_of(counts: jax.Array, full: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The bin of every cell, and the number of bins: a cell of weight ``full`` has its own, others share."""
    heavy = counts >= full
    shared = jnp.cumsum(jnp.where(heavy, 0.0, counts))
    inside = shared - jax.lax.cummax(jnp.where(heavy, shared, 0.0))  # since the newest heavy cell
    is_last = jnp.append(heavy[1:], True)  # of the light cells between two heavy ones
    filled = jnp.where(heavy, 1.0, jnp.where(is_last, jnp.ceil(inside / full), 0.0))
    place = jnp.where(heavy, 0.0, jnp.maximum(jnp.floor((inside - counts / 2) / full), 0.0))
    return (jnp.cumsum(filled) - filled + place).astype(jnp.int32), jnp.sum(filled)


def _weight_of_a_bin(counts: jax.Array, bins: int) -> jax.Array:
    """The weight of a full bin: about the least with which there are no more than ``bins``; by bisection."""
    least = jnp.min(jnp.where(counts > 0, counts, jnp.inf))
    low = jnp.where(jnp.isfinite(least), least, 1.0)

    def halve(_: int, bracket: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        low, high = bracket
        middle = 0.5 * (low + high)
        enough = _bins_of(counts, middle)[1] <= bins
        return jnp.where(enough, low, middle), jnp.where(enough, middle, high)

    full = jax.lax.fori_loop(0, 30, halve, (low, jnp.maximum(jnp.sum(counts), low)))[1]
    return jnp.where(jnp.sum(counts > 0) <= bins, low, full)


def _keys_of(x: Array) -> Array:
    """The keys of all different numbers of a column, ascending."""
    return _without_repeats(key_of(_without_repeats(np.sort(x[~np.isnan(x)]))))


def _without_repeats(ascending: Array) -> Array:
    return ascending[np.append(True, ascending[1:] != ascending[:-1])[: len(ascending)]]
