"""Predictions of trees, in JAX: they compare the features as they are, so a model needs no bins."""

from typing import NamedTuple

import jax
import jax.numpy as jnp


class Model(NamedTuple):
    """Trees by round.  Nodes lie level by level, the root first; the nodes below node i are 2i + 1 and 2i + 2.

    ``base`` [scores]: what the trees are added to.
    ``rounds`` []: how many there are; ``share`` []: what each counts for.
    ``feature``, ``threshold``, ``left`` [rounds, trees, nodes]: the split of a node; feature -1 for none.  ``left`` is
    true where missing values go left.
    ``leaf`` [rounds, trees, leaves, outputs].
    ``gain``, ``cover`` [rounds, trees, nodes]: by how much the split lowers the sum of losses, and the node's sum of
    second derivatives.
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
    """The scores of x [rows, features]: the base, plus the leaves that a row falls into; [rows, scores]."""
    _, trees, leaves, outputs = model.leaf.shape
    depth = leaves.bit_length() - 1
    tree = jnp.arange(trees)

    def one_round(number: jax.Array, total: jax.Array) -> jax.Array:
        feature = model.feature[number]
        threshold = model.threshold[number]
        left = model.left[number]
        node = jnp.zeros((x.shape[0], trees), jnp.int32)
        for _ in range(depth):
            f = feature[tree, node]
            value = jnp.take_along_axis(x, jnp.maximum(f, 0), axis=1)
            at = threshold[tree, node]
            right = jnp.where(categorical[f], value != at, value > at)
            right = jnp.where(jnp.isnan(value), ~left[tree, node], right) & (f >= 0)
            node = 2 * node + 1 + right.astype(jnp.int32)
        leaf = model.leaf[number][tree, node - (leaves - 1)]  # [rows, trees, outputs]
        return total + leaf.reshape(x.shape[0], trees * outputs)

    start = jnp.zeros((x.shape[0], trees * outputs), jnp.float32)
    return model.base + jax.lax.fori_loop(0, model.rounds, one_round, start) * model.share
