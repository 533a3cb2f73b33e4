"""The distribution of a feature's values: passes of counting, each into finer cells, then the edges of its bins.

Cells are cut in the order of all floats, where neighbours are one apart: so the first pass needs to know nothing of the
data, and a value that comes often ends up in a cell of its own.  After each pass a cell is cut again, into the more
parts the more rows it holds; by the square root, so that a heavy value does not take all.  Counts are sums, so the
edges are the same however the rows are cut into shards.  (Quantile sketches for trees: Chen and Guestrin, "XGBoost: A
Scalable Tree Boosting System", KDD 2016.)
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from yarnml.data.arrays import Array
from yarnml.job.learners import SKETCH_PASSES

PASSES = SKETCH_PASSES
CELLS = 1024
"""Cells of each feature."""
LARGEST = float(np.finfo(np.float32).max)

_LOWEST_KEY = 0x007FFFFF  # the key of -inf
_KEYS_END = 0xFF800001  # one more than the key of inf
_SIGN = np.uint32(0x80000000)


def first_cells(features: int) -> jax.Array:
    """The bounds of the cells of the first pass, uint32 [features, cells + 1].

    Cell i holds the keys from bound i up to bound i + 1, exclusive.
    """
    bounds = np.linspace(_LOWEST_KEY, _KEYS_END, CELLS + 1).astype(np.uint32)
    return jnp.broadcast_to(jnp.asarray(bounds), (features, CELLS + 1))


def counts(x: Array, weight: Array, cells: Array) -> Array:
    """The weight of the rows in every cell, float64 [features, cells]; x [features, rows], NaN in none."""
    weights = np.zeros((len(x), CELLS))
    ends = _float_of(cells, np)
    ends[:, -1] = np.inf
    even = len(weight) == 0 or bool((weight == weight[0]).all())
    for column, bounds, row in zip(x, ends, weights, strict=True):
        if even:  # NaN is last in every order
            row[:] = np.diff(np.searchsorted(np.sort(column), bounds)) * np.float64(weight[:1].sum())
        else:
            order = np.argsort(column, kind="stable")
            before = np.concatenate([[0.0], np.cumsum(weight[order], dtype=np.float64)])
            row[:] = np.diff(before[np.searchsorted(column[order], bounds)])
    return weights


def refine(cells: jax.Array, counts: jax.Array) -> jax.Array:
    """Cut cells finer where the rows are; neighbours without rows become one."""
    return jax.vmap(_refine)(cells, counts)


def edges(cells: jax.Array, counts: jax.Array, bins: int) -> jax.Array:
    """The edges of bins, ascending, float32 [features, bins]: bin j holds values in (edge j - 1, edge j].

    Bins hold about the same weight, but for values that weigh more; with no more cells in use than ``bins``, each has
    its own.  An edge lies in the middle between two cells in use; those that are not needed are the largest float.
    """
    return jax.vmap(lambda c, n: _edges(c, n, bins))(cells, counts)


def _refine(cells: jax.Array, counts: jax.Array) -> jax.Array:
    used = counts > 0
    width = cells[1:] - cells[:-1]
    least = used | jnp.concatenate([jnp.array([True]), used[:-1]])  # and one for a run of cells without rows
    share = jnp.sqrt(counts) / jnp.maximum(jnp.sum(jnp.sqrt(counts)), 1e-30)
    more = jnp.floor(share * (CELLS - jnp.sum(least, dtype=jnp.float32))).astype(jnp.uint32)
    parts = jnp.where(width > 0, jnp.minimum(least.astype(jnp.uint32) + more, width), 0)
    ends = jnp.cumsum(parts)
    number = jnp.arange(CELLS, dtype=jnp.uint32)
    owner = jnp.minimum(jnp.searchsorted(ends, number, side="right"), CELLS - 1)
    place = number - (ends - parts)[owner]
    among = jnp.maximum(parts[owner], 1)
    bound = cells[owner] + width[owner] // among * place + jnp.minimum(place, width[owner] % among)
    return jnp.append(jnp.where(number < ends[-1], bound, cells[-1]), cells[-1])


def _edges(cells: jax.Array, counts: jax.Array, bins: int) -> jax.Array:
    used = counts > 0
    number = jnp.arange(CELLS)
    full = _weight_of_a_bin(counts, bins)
    part = jnp.minimum(counts / full, 1.0)
    bin = jnp.clip(jnp.floor(jnp.cumsum(part) - part / 2), 0, bins - 1).astype(jnp.int32)
    last = jax.lax.cummax(jnp.full(bins, -1).at[bin].max(jnp.where(used, number, -1)))
    following = jnp.append(jax.lax.cummin(jnp.where(used, number, CELLS), reverse=True), CELLS)[last + 1]
    below = _float_of(cells[last + 1] - 1, jnp)
    above = _float_of(cells[jnp.minimum(following, CELLS - 1)], jnp)
    middle = 0.5 * below + 0.5 * above
    edge = jnp.where((middle < above) & (middle >= below), middle, below)
    return jnp.where((last < 0) | (following == CELLS), LARGEST, edge)


def _weight_of_a_bin(counts: jax.Array, bins: int) -> jax.Array:
    """The least t for which cells, none counting for more than t, fill no more than ``bins`` times t; by bisection."""
    least = jnp.min(jnp.where(counts > 0, counts, jnp.inf))
    low = jnp.where(jnp.isfinite(least), least, 1.0)

    def halve(_: int, bracket: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        low, high = bracket
        middle = 0.5 * (low + high)
        enough = jnp.sum(jnp.minimum(counts / middle, 1.0)) <= bins
        return jnp.where(enough, low, middle), jnp.where(enough, middle, high)

    least_weight = jax.lax.fori_loop(0, 30, halve, (low, jnp.maximum(jnp.sum(counts) / bins, low)))[1]
    return jnp.where(jnp.sum(counts > 0) <= bins, low, least_weight)


def _float_of(key: Any, xp: Any) -> Any:
    """The inverse of a float's key: its bits, turned so that their order is that of the floats."""
    bits = xp.where(key >= _SIGN, key ^ _SIGN, ~key).astype(xp.uint32)
    return bits.view(np.float32) if xp is np else jax.lax.bitcast_convert_type(bits, jnp.float32)
