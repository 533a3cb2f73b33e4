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

    both = jnp.stack([gains(without), gains(without + missing)], axis=-1)  # [nodes, features, bins, 2]
    nodes = len(both)
    flat = both.reshape(nodes, -1)
    best = jnp.argmax(flat, axis=1)
    gain = 0.5 * jnp.take_along_axis(flat, best[:, None], axis=1)[:, 0]
    split = gain > terms.gain
    feature, bin, side = best // (2 * bins), best // 2 % bins, best % 2
    number = jnp.arange(nodes)
    there = sums[:, number, feature]  # [channels, nodes, bins + 1]
    absent = there[..., -1]
    left = there[:, number, bin] + jnp.where(side == 1, absent, 0.0)
    left = jnp.where(split, left, total)
    right = total - left
    to_left = jnp.where(absent[-1] > 0, side == 1, left[-1] >= right[-1])  # unseen: with most rows
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
