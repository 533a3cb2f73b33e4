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

from yarnml.learners.trees.rule import Columns, Terms

NOISE = 3e-7  # a gain that is less of what was compared is rounding
BLOCK = 1 << 15  # places to split at that are compared at a time: they stay near the processor


class Level(NamedTuple):
    """The nodes of a level.

    ``sums`` [channels, nodes, features, bins + 1]: gradients and last the second derivatives.  Of each bin but the last
    two what is in the bins up to it (of a categorical feature: in it alone); then all that is not missing; then what is
    missing.  ``allowed``: [nodes, features].  ``bounds`` [2, nodes]: the least and the largest leaf, None where leaves
    are free.
    """

    sums: jax.Array
    allowed: jax.Array
    bounds: jax.Array | None


class Splits(NamedTuple):
    """By node: feature (-1: no split, all is left), bin, whether missing values go left, gain and H [nodes].

    ``leaf`` [2, outputs, nodes]: left and right, if they are split no further.  ``bounds`` [2, 2, nodes]: the least
    and the largest leaf, of both sides.
    """

    feature: jax.Array
    bin: jax.Array
    left: jax.Array
    gain: jax.Array
    cover: jax.Array
    leaf: jax.Array
    bounds: jax.Array | None


def splits_of_level(level: Level, columns: Columns, terms: Terms, count: jax.Array) -> Splits:
    """`best_splits` of the first ``count`` nodes of several trees, some at a time: nobody looks at the others.

    All arrays have one more axis, the trees; the number of nodes is a power of two.
    """
    trees, _, nodes, features, width = level.sums.shape
    some = min(nodes, 1 << max(1, BLOCK // (trees * features * width)).bit_length() - 1)

    def block(number: jax.Array) -> Splits:
        def part(a: jax.Array, axis: int) -> jax.Array:
            return jax.lax.dynamic_slice_in_dim(a, number * some, some, axis)

        bounds = None if level.bounds is None else part(level.bounds, 2)
        here = Level(part(level.sums, 2), part(level.allowed, 1), bounds)
        return jax.vmap(partial(best_splits, columns=columns, terms=terms))(here)

    def with_block(number: jax.Array, found: Splits) -> Splits:
        return jax.tree.map(
            lambda a, b: jax.lax.dynamic_update_slice_in_dim(a, b, number * some, a.ndim - 1), found, block(number)
        )

    form = jax.eval_shape(block, jnp.zeros((), jnp.int32))
    none = jax.tree.map(lambda leaf: jnp.zeros((*leaf.shape[:-1], nodes), leaf.dtype), form)
    return jax.lax.fori_loop(0, -(-count // some), with_block, none)


def best_splits(level: Level, columns: Columns, terms: Terms) -> Splits:
    sums, bounds, nodes = level.sums, level.bounds, level.sums.shape[1]
    missing, total = sums[..., -1:], sums[:, :, 0, -2] + sums[:, :, 0, -1]
    without, bins = sums[..., :-1], sums.shape[-1] - 1
    categorical, trend = jnp.asarray(columns.categorical)[:, None], jnp.asarray(columns.trend)
    possible = level.allowed[:, :, None] & ~(categorical & (jnp.arange(bins) == bins - 1))
    alone = _worth(total, terms.l2, bounds)

    def gains(left: jax.Array) -> jax.Array:
        right = total[:, :, None, None] - left
        fits = (left[-1] >= terms.least) & (right[-1] >= terms.least) & possible
        if bounds is not None:
            rise = _leaf(right, terms.l2, bounds)[0] - _leaf(left, terms.l2, bounds)[0]
            fits &= trend[:, None] * rise >= 0
        both = _worth(left, terms.l2, bounds) + _worth(right, terms.l2, bounds)
        gain = both - alone[:, None, None]
        return jnp.where(fits & (gain > NOISE * jnp.abs(both)), gain, -jnp.inf)

    low, high = gains(without), gains(without + missing)  # [nodes, features, bins], missing values right and left
    flat = jax.lax.optimization_barrier(jnp.maximum(low, high)).reshape(nodes, -1)  # apart, XLA computes it in vectors
    best = jnp.argmax(flat, axis=1)[:, None]
    gain, apart = (jnp.take_along_axis(a.reshape(nodes, -1), best, axis=1)[:, 0] for a in (flat, low))
    feature, bin, side = best[:, 0] // bins, best[:, 0] % bins, gain > apart
    gain = 0.5 * gain
    split = gain > terms.gain
    number = jnp.arange(nodes)
    there = sums[:, number, feature]  # [channels, nodes, bins + 1]
    absent = there[..., -1]
    left = there[:, number, bin] + jnp.where(side, absent, 0.0)
    left = jnp.where(split, left, total)
    right = total - left
    to_left = jnp.where(absent[-1] > 0, side, left[-1] >= right[-1])  # unseen: with most rows
    leaf = jnp.stack([_leaf(left, terms.l2, bounds), _leaf(right, terms.l2, bounds)])
    below = None
    if bounds is not None:
        below = _bounds_below(bounds, leaf.mean(axis=(0, 1)), jnp.where(split, trend[feature], 0))
        leaf = jnp.clip(leaf, below[0][:, None], below[1][:, None])
    return Splits(
        jnp.where(split, feature, -1).astype(jnp.int32),
        bin.astype(jnp.int32),
        to_left,
        jnp.where(split, gain, 0.0),
        total[-1],
        leaf,
        below,
    )


def no_bounds(trees: int, nodes: int) -> jax.Array:
    """[trees, 2, nodes]: of leaves that are free."""
    most = float(np.finfo(np.float32).max)
    return jnp.broadcast_to(jnp.array([[-most], [most]]), (trees, 2, nodes))


def _bounds_below(bounds: jax.Array, middle: jax.Array, trend: jax.Array) -> jax.Array:
    """[2, 2, nodes]: of the two sides of every node, that are held apart at the ``middle`` where there is a trend."""
    low, high = bounds
    up, down = trend > 0, trend < 0
    lows = jnp.stack([jnp.where(down, middle, low), jnp.where(up, middle, low)])
    return jnp.stack([lows, jnp.stack([jnp.where(up, middle, high), jnp.where(down, middle, high)])])


def _leaf(sums: jax.Array, l2: float, bounds: jax.Array | None) -> jax.Array:
    """[outputs, …]: what lowers the loss the most, within the bounds; sums [channels, nodes, …]."""
    weight = sums[-1] + l2
    leaf = -sums[:-1] / jnp.where(weight > 0, weight, 1.0)
    if bounds is None:
        return leaf
    low, high = bounds.reshape(2, -1, *[1] * (sums.ndim - 2))
    return jnp.clip(leaf, low, high)


def _worth(sums: jax.Array, l2: float, bounds: jax.Array | None) -> jax.Array:
    """Twice what a leaf lowers the loss by."""
    weight = sums[-1] + l2
    if bounds is None:
        return jnp.sum(jnp.square(sums[:-1]), axis=0) / jnp.where(weight > 0, weight, 1.0)
    leaf = _leaf(sums, l2, bounds)
    return -jnp.sum((2 * sums[:-1] + weight * leaf) * leaf, axis=0)
