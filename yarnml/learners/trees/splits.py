"""The best split of every node of a level, from its histograms.

With sums of gradients G (one or several) and of second derivatives H, a node that is left as it is lowers the loss by
Σ G² / (H + l2) / 2, and a split is worth what its two sides gain over it.  (Chen and Guestrin, KDD 2016; histograms:
Ke et al., "LightGBM", NIPS 2017.)  For plain trees the gradients are those of the squared error of the label or of the
classes' shares, so that the gain is the decrease in variance or in Gini impurity (Breiman et al., 1984).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from yarnml.learners.trees.rule import Terms

NOISE = 3e-7  # a gain that is less of what was compared is rounding
BLOCK = 1 << 15  # places to split at that are compared at a time: they stay near the processor


class Splits(NamedTuple):
    """By node: feature (-1: no split), bin, whether missing values go left, gain and H [nodes]; G and H by side.

    ``sides``: [2, channels, nodes], left and right; without a split all of it is left.
    """

    feature: jax.Array
    bin: jax.Array
    left: jax.Array
    gain: jax.Array
    cover: jax.Array
    sides: jax.Array


def splits_of_level(
    sums: jax.Array, categorical: jax.Array, allowed: jax.Array, terms: Terms, count: jax.Array
) -> Splits:
    """`best_splits` of the first ``count`` nodes of every tree, some at a time: of the others nothing is looked at.

    ``sums``: [trees, channels, nodes, features, bins + 1]; ``allowed``: [trees, nodes, features].  The number of nodes
    is a power of two.
    """
    nodes = sums.shape[2]
    some = min(nodes, 1 << max(1, BLOCK * nodes * sums.shape[1] // sums.size).bit_length() - 1)

    def block(number: jax.Array) -> Splits:
        here, may = (
            jax.lax.dynamic_slice_in_dim(a, number * some, some, axis) for a, axis in ((sums, 2), (allowed, 1))
        )
        return jax.vmap(best_splits, (0, None, 0, None))(here, categorical, may, terms)

    def and_block(number: jax.Array, found: Splits) -> Splits:
        both = zip(found, block(number), strict=True)
        return Splits(*(jax.lax.dynamic_update_slice_in_dim(a, b, number * some, a.ndim - 1) for a, b in both))

    form = jax.eval_shape(block, jnp.zeros((), jnp.int32))
    none = Splits(*(jnp.zeros((*leaf.shape[:-1], nodes), leaf.dtype) for leaf in form))
    return jax.lax.fori_loop(0, -(-count // some), and_block, none)


def best_splits(sums: jax.Array, categorical: jax.Array, allowed: jax.Array, terms: Terms) -> Splits:
    """``sums``: [channels, nodes, features, bins + 1]: gradients and last the second derivatives.

    Of each bin but the last two what is in the bins up to it (``categorical``: in it alone); then all that is not
    missing; then what is missing.  ``allowed``: [nodes, features].
    """
    missing, total = sums[..., -1:], sums[:, :, 0, -2] + sums[:, :, 0, -1]
    without, bins = sums[..., :-1], sums.shape[-1] - 1
    possible = allowed[:, :, None] & ~(categorical[:, None] & (jnp.arange(bins) == bins - 1))
    score = _score(total, terms.l2)

    def gains(left: jax.Array) -> jax.Array:
        right = total[:, :, None, None] - left
        fits = (left[-1] >= terms.least) & (right[-1] >= terms.least) & possible
        both = _score(left, terms.l2) + _score(right, terms.l2)
        gain = both - score[:, None, None]
        return jnp.where(fits & (gain > NOISE * both), gain, -jnp.inf)

    low, high = gains(without), gains(without + missing)  # [nodes, features, bins], missing values right and left
    nodes = len(low)
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
    return Splits(
        jnp.where(split, feature, -1).astype(jnp.int32),
        bin.astype(jnp.int32),
        to_left,
        jnp.where(split, gain, 0.0),
        total[-1],
        jnp.stack([left, jnp.where(split, right, 0.0)]),
    )


def _score(sums: jax.Array, l2: float) -> jax.Array:
    weight = sums[-1] + l2
    return jnp.sum(jnp.square(sums[:-1]), axis=0) / jnp.where(weight > 0, weight, 1.0)
