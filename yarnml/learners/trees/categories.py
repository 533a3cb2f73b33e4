"""Categories: their bins, the order in which a node's split cuts them, and the sets of them that go left.

Of all ways to part categories in two, the best is among the cuts of their order by mean, so there are no more than for
a number.  (Fisher, "On Grouping for Maximum Homogeneity", JASA 1958; by gradients: Ke et al., "LightGBM", NIPS 2017.)
Means of few rows are mostly noise: they are drawn to 0 by `SMOOTHING` rows, and a cut must be worth more by as large a
penalty of its leaves.

Where there are more categories than bins, those with similar means of the label share one.
"""

import jax
import jax.numpy as jnp
import numpy as np

from yarnml.data.arrays import Array
from yarnml.errors import DataError

MAX_CATEGORIES = 1 << 14
"""Categories are whole numbers below."""
SMOOTHING = 10.0

_WORD_BITS = 32


def word_count(bins: int) -> int:
    """Words of a set of bins."""
    return -(-bins // _WORD_BITS)


def check_values(x: Array, categorical: Array) -> None:
    """Refuse infinity, and categories that are no whole numbers; x [rows, features].  Raises DataError."""
    if np.isinf(x).any():
        raise DataError("A feature holds infinity; trees take numbers, and NaN for what is missing.")
    codes = x[:, categorical]
    largest = MAX_CATEGORIES - 1
    odd = codes[~(np.isnan(codes) | ((codes >= 0) & (codes <= largest) & (codes == np.floor(codes))))]
    if odd.size:
        raise DataError(
            f"A column of learner.categorical holds {odd[0]:g}, but categories are whole numbers from 0 to {largest}; "
            "number them so, as data.prepare: [{kind: category, …}] does, or leave the column to splits by size."
        )


def counts(codes: Array, targets: Array, weight: Array) -> Array:
    """The weight and the targets of every category, float64 [features, categories, 1 + scores].

    ``codes`` [features, rows]; ``targets`` [scores, rows].
    """
    total = np.zeros((len(codes), MAX_CATEGORIES, 1 + len(targets)))
    for feature, column in zip(total, codes, strict=True):
        known = ~np.isnan(column)
        code = column[known].astype(np.int64)
        for k, values in enumerate([weight, *(targets * weight)]):
            feature[:, k] = np.bincount(code, values[known], MAX_CATEGORIES)
    return total


def bins_of(total: Array, bins: int) -> Array:
    """The bin of every category, uint8 [features, categories], by `counts`; ``bins`` for those without rows."""
    return np.array([_bins_of(one, bins) for one in total])


def _bins_of(total: Array, bins: int) -> Array:
    weight = total[:, 0]
    whole = np.sum(total, axis=0)
    mean = whole[1:] / (whole[0] if whole[0] > 0 else 1.0)
    smoothed = (total[:, 1:] + SMOOTHING * mean) / (weight[:, None] + SMOOTHING)
    telling = np.argmax(np.sum(weight[:, None] * np.square(smoothed - mean), axis=0))
    is_used = weight > 0
    order = np.argsort(np.where(is_used, smoothed[:, telling], np.inf), kind="stable")
    sorted_weight = weight[order]
    before = np.cumsum(sorted_weight) - sorted_weight / 2
    place = np.arange(len(weight)) if np.sum(is_used) < bins else before / max(whole[0], 1e-30) * (bins - 1)
    own = np.empty(len(weight), np.uint8)
    own[order] = np.clip(place, 0, bins - 2)
    return np.where(is_used, own, np.uint8(bins))


def order_of(sums: Array) -> Array:
    """The bins in the order in which they may be cut, those without rows last; sums [channels, …, bins] → […, bins]."""
    mean = sums[:-1] / (sums[-1] + SMOOTHING)
    if len(mean) > 1:  # by the output that differs the most
        spread = np.sum(sums[-1] * np.square(mean), axis=-1)
        mean = np.take_along_axis(mean, np.argmax(spread, axis=0)[None, ..., None], axis=0)
    return np.argsort(np.where(sums[-1] > 0, mean[0], np.inf), axis=-1, kind="stable")


def in_order(sums: Array) -> Array:
    """Sums […, bins, channels] with the bins in the order of `order_of`."""
    return np.take_along_axis(sums, order_of(np.moveaxis(sums, -1, 0))[..., None], axis=-2)


def left_of(sums: Array, place: Array, rest: Array) -> Array:
    """True for the bins of nodes that go left if their order is cut behind a place.

    ``sums`` [channels, nodes, bins]; ``place``, ``rest`` [nodes]: whether bins without rows go left.
    """
    rank = np.argsort(order_of(sums), axis=-1, kind="stable")
    return np.where(sums[-1] > 0, rank <= place[:, None], rest[:, None])


def packed(is_left: Array, words: int) -> Array:
    """Sets as bits: bool [nodes, bins] → uint32 [nodes, words]."""
    padded = np.pad(is_left, ((0, 0), (0, words * _WORD_BITS - is_left.shape[1])))
    bits = padded.reshape(-1, words, _WORD_BITS).astype(np.uint32) << np.arange(_WORD_BITS, dtype=np.uint32)
    return np.bitwise_or.reduce(bits, axis=-1)


def bin_of(value: jax.Array, column: jax.Array, table: jax.Array, bins: int) -> jax.Array:
    """The bins of values [rows, …] that are categories; ``bins`` for what no row of the training data had.

    ``column``: the row of ``table`` [features, categories] for each.
    """
    code = jnp.clip(jnp.nan_to_num(value), 0, MAX_CATEGORIES - 1).astype(jnp.int32)
    return jnp.where(code.astype(jnp.float32) == value, table[column, code].astype(jnp.int32), bins)
