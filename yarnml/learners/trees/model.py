"""Predictions of trees, in JAX: they compare the features as they are, so a model needs no bins."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from yarnml.data.arrays import Array
from yarnml.learners.trees.categories import bin_of
from yarnml.learners.trees.growth import Children, Nodes
from yarnml.learners.trees.splits import Splits


class Model(NamedTuple):
    """Trees by round.  Nodes are numbered in the order in which they come about, the root is 0.

    ``base`` [scores]: what the trees are added to.
    ``rounds`` []: how many there are; ``share`` []: what each tree counts for.
    ``feature``, ``threshold``, ``left`` [rounds, trees, nodes]: the split of a node; feature -1 for none.  ``left`` is
    true where missing values go left.
    ``categories`` [rounds, trees, nodes, words]: the set of bins that go left at a categorical feature, a bit for each,
    the lowest first; ``table`` [features, categories]: the bins of categories.  None where no feature is categorical.
    ``child`` [rounds, trees, nodes]: the number of the node below on the left; that on the right is one more.
    ``leaf`` [rounds, trees, nodes, outputs]: what a node without a split predicts.
    ``gain``, ``cover`` [rounds, trees, nodes]: by how much the split lowers the sum of losses, and the sum of second
    derivatives, of leaves too.
    """

    base: jax.Array
    rounds: jax.Array
    share: jax.Array
    feature: jax.Array
    threshold: jax.Array
    left: jax.Array
    categories: jax.Array | None
    table: jax.Array | None
    child: jax.Array
    leaf: jax.Array
    gain: jax.Array
    cover: jax.Array


def scores_of(model: Model, x: jax.Array, categorical: Array, bins: int) -> jax.Array:
    """The scores of x [rows, features]: the base, plus the leaves that a row falls into; [rows, scores].

    ``categorical`` [features]: true for those that are.
    """
    _, trees, _, outputs = model.leaf.shape
    rows = x.shape[0]
    scores = len(model.base)
    group = trees * outputs // scores  # trees of a round that add to the same scores
    tree = jnp.arange(trees)
    column = np.cumsum(categorical) - 1  # of the table

    def one_round(number: jax.Array, total: jax.Array) -> jax.Array:
        feature = model.feature[number]
        threshold = model.threshold[number]
        left = model.left[number]
        child = model.child[number]

        def inner(node: jax.Array) -> jax.Array:
            return jnp.any(feature[tree, node] >= 0)

        def descend(node: jax.Array) -> jax.Array:
            f = feature[tree, node]
            value = jnp.take_along_axis(x, jnp.maximum(f, 0), axis=1)
            right = value > threshold[tree, node]
            is_missing = jnp.isnan(value)
            if model.categories is not None and model.table is not None:
                bin = bin_of(value, jnp.asarray(column)[f], model.table, bins)
                word = model.categories[number, tree, node, jnp.minimum(bin, bins - 1) >> 5]
                is_in = word >> (bin & 31).astype(jnp.uint32) & 1 == 1
                right = jnp.where(jnp.asarray(categorical)[f], ~is_in, right)
                is_missing |= jnp.asarray(categorical)[f] & (bin == bins)
            right = jnp.where(is_missing, ~left[tree, node], right)
            return jnp.where(f >= 0, child[tree, node] + right.astype(jnp.int32), node)

        node = jax.lax.while_loop(inner, descend, jnp.zeros((rows, trees), jnp.int32))
        leaf = model.leaf[number][tree, node]  # [rows, trees, outputs]
        return total + leaf.reshape(rows, group, scores).sum(axis=1)

    start = jnp.zeros((rows, scores), jnp.float32)
    return model.base + jax.lax.fori_loop(0, model.rounds, one_round, start) * model.share


def written(
    model: Model, nodes: Nodes, children: Children, splits: Splits, edges: jax.Array, learning_rate: float
) -> Model:
    """Write the splits of the nodes of a pass, and the leaves below them, into the trees of the newest round."""
    round = model.rounds
    capacity = model.feature.shape[2]
    tree = jnp.arange(len(nodes.waiting))[:, None]

    def put(into: jax.Array, number: jax.Array, values: jax.Array) -> jax.Array:
        return into.at[round, tree, number].set(values, mode="drop")

    left, right = jnp.moveaxis(learning_rate * splits.leaf, (1, 3), (0, 2))  # [trees, width, outputs]
    leaf = put(model.leaf, jnp.where(splits.feature < 0, nodes.number, capacity), left)  # for a root that stays whole
    leaf = put(leaf, children.child, left)
    leaf = put(leaf, jnp.where(children.splits, children.child + 1, capacity), right)
    cover = put(model.cover, nodes.number, splits.cover)
    cover = put(cover, children.child, splits.weight[:, 0])
    cover = put(cover, jnp.where(children.splits, children.child + 1, capacity), splits.weight[:, 1])
    categories = model.categories
    if categories is not None and splits.categories is not None:
        categories = put(categories, nodes.number, jnp.swapaxes(splits.categories, 1, 2))
    return model._replace(
        feature=put(model.feature, nodes.number, jnp.where(children.splits, splits.feature, -1)),
        threshold=put(model.threshold, nodes.number, edges[jnp.maximum(splits.feature, 0), splits.bin]),
        left=put(model.left, nodes.number, splits.left),
        child=put(model.child, nodes.number, jnp.where(children.splits, children.child, 0)),
        categories=categories,
        leaf=leaf,
        gain=put(model.gain, nodes.number, jnp.where(children.splits, splits.gain, 0.0)),
        cover=cover,
    )
