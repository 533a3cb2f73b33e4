"""Rows through trees, in JAX: comparisons of the features as they are, so a model needs no bins."""

from typing import NamedTuple

import jax
import jax.numpy as jnp


class Model(NamedTuple):
    """``rounds`` [] of trees, of which each counts ``share`` [], on a ``base`` [scores].

    feature, threshold, left [rounds, trees, nodes], level by level, the root first; the nodes below node i are 2i + 1
    and 2i + 2.  leaf [rounds, trees, leaves, outputs].  gain and cover of every node: what its split lowers the sum of
    losses by, and its second derivatives.
    """

    base: jax.Array
    rounds: jax.Array
    share: jax.Array
    feature: jax.Array
    threshold: jax.Array
    left: jax.Array
    leaf: jax.Array
    gain: jax.Array
    cover: jax.Array


def scores_of(model: Model, x: jax.Array, categorical: jax.Array) -> jax.Array:
    """[rows, scores] of x [rows, features]: the base, and of every round's trees the leaf that a row falls into."""
    _, trees, leaves, outputs = model.leaf.shape
    depth = leaves.bit_length() - 1
    tree = jnp.arange(trees)

    def one_round(number: jax.Array, total: jax.Array) -> jax.Array:
        feature, threshold, left = model.feature[number], model.threshold[number], model.left[number]
        node = jnp.zeros((x.shape[0], trees), jnp.int32)
        for _ in range(depth):
            f = feature[tree, node]
            value, at = jnp.take_along_axis(x, jnp.maximum(f, 0), axis=1), threshold[tree, node]
            right = jnp.where(categorical[f], value != at, value > at)
            right = jnp.where(jnp.isnan(value), ~left[tree, node], right) & (f >= 0)
            node = 2 * node + 1 + right.astype(jnp.int32)
        leaf = model.leaf[number][tree, node - (leaves - 1)]  # [rows, trees, outputs]
        return total + leaf.reshape(x.shape[0], trees * outputs)

    start = jnp.zeros((x.shape[0], trees * outputs), jnp.float32)
    return model.base + jax.lax.fori_loop(0, model.rounds, one_round, start) * model.share
