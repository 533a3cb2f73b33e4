"""The best split of every node of a level, from its histograms.

With sums of gradients G (one or several) and of second derivatives H, a node that is left as it is lowers the loss by
Σ G² / (H + l2) / 2, and a split is worth what its two sides gain over it.  (Chen and Guestrin, KDD 2016; histograms:
Ke et al., "LightGBM", NIPS 2017.)  For plain trees the gradients are those of the squared error of the label or of the
classes' shares, so that the gain is the decrease in variance or in Gini impurity (Breiman et al., 1984).

Where predictions must follow the trend of a feature, a split on it whose leaves would not is refused, and below it
leaves are held to their side of the middle between the two, so that no later split can undo it.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from yarnml.learners.trees.categories import SMOOTHING, left_of, packed, sums_along, word_count
from yarnml.learners.trees.rule import Columns, Terms

ROUNDING = 3e-7
"""A gain that is a smaller part of the two sides' worth is rounding."""
BLOCK_PLACES = 1 << 15
"""Places to split at that are compared at a time: they stay in the processor's cache."""


class Level(NamedTuple):
    """The nodes of a level.

    ``sums`` [channels, nodes, features, bins + 1]: gradients, and last the second derivatives.  Each bin but the last
    two has the sum over the bins up to it (for a categorical feature: over it alone); then comes the sum over all rows
    whose value is not missing; then that over the rows whose value is.
    ``features`` [nodes, features]: the numbers of the features, where each node has its own; None: they are all.
    ``bounds`` [2, nodes]: the least and the largest leaf; None where leaves are free.
    ``draws`` [nodes, features]: numbers in [0, 1) that choose the only place to split at; None for all places.
    ``allowed`` [nodes, all features]: true for those that a node may be split by; None for all.
    """

    sums: jax.Array
    features: jax.Array | None
    bounds: jax.Array | None
    draws: jax.Array | None = None
    allowed: jax.Array | None = None


class Splits(NamedTuple):
    """The best split of every node; arrays are [nodes] where nothing else is said.

    ``feature``: -1 for no split.
    ``categories`` [words, nodes]: the set of bins that go left, where the feature is categorical; None if none is.
    ``left``: true where missing values go left.
    ``cover``: H, the node's sum of second derivatives.
    ``leaf`` [2, outputs, nodes]: left and right, if they are split no further.
    ``weight`` [2, nodes]: H, left and right.
    ``bounds`` [2, 2, nodes]: the least and the largest leaf, of both sides.
    """

    feature: jax.Array
    bin: jax.Array
    categories: jax.Array | None
    left: jax.Array
    gain: jax.Array
    cover: jax.Array
    leaf: jax.Array
    weight: jax.Array
    bounds: jax.Array | None


def splits_of_level(level: Level, columns: Columns, edges: jax.Array, terms: Terms, count: jax.Array) -> Splits:
    """The `best_splits` of the first ``count`` nodes of several trees, a block of nodes at a time.

    The other nodes, which this level does not have, are left at 0.  All arrays have one more axis, the trees; the
    number of nodes is a power of two.
    """
    trees, _, nodes, features, width = level.sums.shape
    size = min(nodes, 1 << max(1, BLOCK_PLACES // (trees * features * width)).bit_length() - 1)

    def block(number: jax.Array) -> Splits:
        def part(a: jax.Array, axis: int) -> jax.Array:
            return jax.lax.dynamic_slice_in_dim(a, number * size, size, axis)

        bounds = None if level.bounds is None else part(level.bounds, 2)
        features = None if level.features is None else part(level.features, 1)
        draws = None if level.draws is None else part(level.draws, 1)
        allowed = None if level.allowed is None else part(level.allowed, 1)
        nodes_of_block = Level(part(level.sums, 2), features, bounds, draws, allowed)
        return jax.vmap(partial(best_splits, columns=columns, edges=edges, terms=terms))(nodes_of_block)

    def with_block(number: jax.Array, splits: Splits) -> Splits:
        return jax.tree.map(
            lambda a, b: jax.lax.dynamic_update_slice_in_dim(a, b, number * size, a.ndim - 1), splits, block(number)
        )

    form = jax.eval_shape(block, jnp.zeros((), jnp.int32))
    none = jax.tree.map(lambda leaf: jnp.zeros((*leaf.shape[:-1], nodes), leaf.dtype), form)
    return jax.lax.fori_loop(0, -(-count // size), with_block, none)


def best_splits(level: Level, columns: Columns, edges: jax.Array, terms: Terms) -> Splits:
    """The best split of every node of one tree, among all features that it may use; ``edges`` [features, bins]."""
    sums = level.sums
    bounds = level.bounds
    nodes = level.sums.shape[1]
    missing = sums[..., -1:]
    total = sums[:, :, 0, -2] + sums[:, :, 0, -1]
    without = sums[..., :-1]
    bins = sums.shape[-1] - 1
    features = jnp.arange(sums.shape[2])[None] if level.features is None else level.features
    categorical = jnp.asarray(columns.categorical)[features][..., None]  # [nodes or 1, features, 1]
    trend = jnp.asarray(columns.trend)
    l2: float | jax.Array = terms.l2
    possible: bool | jax.Array = True
    if columns.categorical.any():
        along = jnp.concatenate([sums_along(sums[..., :-2]), sums[..., -2:-1]], axis=-1)
        without = jnp.where(categorical, along, without)
        l2 = terms.l2 + jnp.where(categorical, SMOOTHING, 0.0)
        possible = ~(categorical & (jnp.arange(bins) == bins - 1))
    if level.draws is not None:
        possible &= jnp.arange(bins) == _drawn(without[-1], level.draws)[..., None]
    if level.allowed is not None:
        columns_of_nodes = jnp.broadcast_to(features, sums.shape[1:3])
        possible &= jnp.take_along_axis(level.allowed, columns_of_nodes, axis=1)[..., None]
    alone = _worth(total[:, :, None, None], l2, bounds)

    def gains(left: jax.Array) -> jax.Array:
        right = total[:, :, None, None] - left
        fits = (left[-1] >= terms.least) & (right[-1] >= terms.least) & possible
        if bounds is not None:
            rise = _leaf(right, l2, bounds)[0] - _leaf(left, l2, bounds)[0]
            fits &= trend[features][..., None] * rise >= 0
        both = _worth(left, l2, bounds) + _worth(right, l2, bounds)
        gain = both - alone
        return jnp.where(fits & (gain > ROUNDING * jnp.abs(both)), gain, -jnp.inf)

    low = gains(without)  # [nodes, features, bins], with missing values right
    high = gains(without + missing)  # the same, with missing values left
    flat = jax.lax.optimization_barrier(jnp.maximum(low, high)).reshape(nodes, -1)  # apart, XLA computes it in vectors
    best = jnp.argmax(flat, axis=1)[:, None]
    gain, apart = (jnp.take_along_axis(a.reshape(nodes, -1), best, axis=1)[:, 0] for a in (flat, low))
    place = best[:, 0] // bins
    bin = best[:, 0] % bins
    side = gain > apart
    gain = 0.5 * gain
    split = gain > terms.gain
    number = jnp.arange(nodes)
    feature = features[jnp.minimum(number, len(features) - 1), place]
    by_bin = sums[:, number, place]  # [channels, nodes, bins + 1]
    absent = by_bin[..., -1]
    middle = _middle(by_bin[-1, :, :-1], bin, edges[feature])
    left = by_bin[:, number, middle]
    is_left = None
    if columns.categorical.any():
        by_category = by_bin[..., :-2]
        is_left = left_of(by_category, bin, side)
        added = jnp.sum(jnp.where(is_left, by_category, 0.0), axis=-1)
        left = jnp.where(jnp.asarray(columns.categorical)[feature], added, left)
    left = jnp.where(split, left + jnp.where(side, absent, 0.0), total)
    right = total - left
    to_left = jnp.where(absent[-1] > 0, side, left[-1] >= right[-1])  # unseen: with most rows
    leaf = jnp.stack([_leaf(left, terms.l2, bounds), _leaf(right, terms.l2, bounds)])
    below = None
    if bounds is not None:
        below = _bounds_below(bounds, leaf.mean(axis=(0, 1)), jnp.where(split, trend[feature], 0))
        leaf = jnp.clip(leaf, below[0][:, None], below[1][:, None])
    return Splits(
        jnp.where(split, feature, -1).astype(jnp.int32),
        middle.astype(jnp.int32),
        None if is_left is None else packed(left_of(by_bin[..., :-2], bin, to_left), word_count(bins)).T,
        to_left,
        jnp.where(split, gain, 0.0),
        total[-1],
        leaf,
        jnp.stack([left[-1], right[-1]]),
        below,
    )


def _drawn(weight: jax.Array, draws: jax.Array) -> jax.Array:
    """One of the places [nodes, features] that part the rows of a node; ``weight`` […, bins]: the sum up to each."""
    whole = weight[..., -1:]
    first = jnp.sum(weight <= 0, axis=-1)
    last = jnp.sum(weight < whole * (1 - ROUNDING), axis=-1)
    count = jnp.maximum(last - first, 0)
    return first + jnp.floor(draws * count.astype(jnp.float32)).astype(jnp.int32)


def _middle(weight: jax.Array, bin: jax.Array, edges: jax.Array) -> jax.Array:
    """The bin whose edge lies in the middle of those that part a node's rows alike, of which ``bin`` [nodes] is first.

    ``weight`` [nodes, bins]: the sum up to each bin; ``edges`` [nodes, bins].  So a threshold keeps away from the rows.
    """
    at = jnp.take_along_axis(weight, bin[:, None], axis=1)
    alike = jnp.abs(weight - at) <= ROUNDING * at
    last = bin + jnp.maximum(jnp.sum(alike, axis=1), 1) - 1
    ends = 0.5 * jnp.take_along_axis(edges, jnp.stack([bin, last], axis=1), axis=1)
    distance = jnp.where(alike, jnp.abs(edges - jnp.sum(ends, axis=1, keepdims=True)), jnp.inf)
    return jnp.where(last > bin, jnp.argmin(distance, axis=1), bin)


def no_bounds(trees: int, nodes: int) -> jax.Array:
    """Bounds that leave leaves free, [trees, 2, nodes]."""
    largest = float(np.finfo(np.float32).max)
    return jnp.broadcast_to(jnp.array([[-largest], [largest]]), (trees, 2, nodes))


def _bounds_below(bounds: jax.Array, middle: jax.Array, trend: jax.Array) -> jax.Array:
    """The bounds of both sides of every node, [2, 2, nodes]; where there is a trend, ``middle`` parts them."""
    low, high = bounds
    up = trend > 0
    down = trend < 0
    lows = jnp.stack([jnp.where(down, middle, low), jnp.where(up, middle, low)])
    return jnp.stack([lows, jnp.stack([jnp.where(up, middle, high), jnp.where(down, middle, high)])])


def _leaf(sums: jax.Array, l2: float | jax.Array, bounds: jax.Array | None) -> jax.Array:
    """The leaf that lowers the loss the most, within the bounds, [outputs, …]; sums [channels, nodes, …]."""
    weight = sums[-1] + l2
    leaf = -sums[:-1] / jnp.where(weight > 0, weight, 1.0)
    if bounds is None:
        return leaf
    low, high = bounds.reshape(2, -1, *[1] * (sums.ndim - 2))
    return jnp.clip(leaf, low, high)


def _worth(sums: jax.Array, l2: float | jax.Array, bounds: jax.Array | None) -> jax.Array:
    """Twice the amount by which a leaf lowers the loss, [nodes, …]."""
    weight = sums[-1] + l2
    if bounds is None:
        return jnp.sum(jnp.square(sums[:-1]), axis=0) / jnp.where(weight > 0, weight, 1.0)
    leaf = _leaf(sums, l2, bounds)
    return -jnp.sum((2 * sums[:-1] + weight * leaf) * leaf, axis=0)
