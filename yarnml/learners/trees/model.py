"""A model of trees: its predictions, in JAX, and how splits get into it.

Predictions compare the features as they are, so a model needs no bins.
"""

from typing import Any, NamedTuple

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

    base: Any
    rounds: Any
    share: Any
    feature: Any
    threshold: Any
    left: Any
    categories: Any
    table: Any
    child: Any
    leaf: Any
    gain: Any
    cover: Any


NODES = "feature", "threshold", "left", "categories", "child", "leaf", "gain", "cover"
"""The arrays of a model by [round, tree, node]."""


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


def remarks_of(model: Any, least: float) -> list[str]:
    """Say that a model tells no rows apart, where it has no split."""
    grown = model.feature[: int(model.rounds)]
    if not grown.size or (grown >= 0).any():
        return []
    return [
        f"all rows have one prediction: no split lowers the loss and leaves {least:g} or more on both sides, counted "
        "in the weights of rows (learner.min_hessian of boosting, learner.min_rows of tree and forest)"
    ]


def write(model: Model, nodes: Nodes, children: Children, splits: Splits, edges: Array, learning_rate: float) -> None:
    """Write the splits of the nodes of a pass, and the leaves below them, into the trees of the newest round."""
    at = int(model.rounds), nodes.tree, nodes.number
    is_split = children.splits
    left, right = learning_rate * np.moveaxis(splits.leaf, -1, 1)  # [nodes, outputs]
    whole = splits.feature < 0  # a root that stays so has no leaf yet
    model.leaf[at[0], nodes.tree[whole], nodes.number[whole]] = left[whole]
    model.cover[at] = splits.cover
    for side, leaf in enumerate((left, right)):
        below = at[0], nodes.tree[is_split], children.child[is_split] + side
        model.leaf[below] = leaf[is_split]
        model.cover[below] = splits.weight[side, is_split]
    if model.categories is not None:
        model.categories[at] = splits.categories
    model.feature[at] = np.where(is_split, splits.feature, -1)
    model.threshold[at] = edges[np.maximum(splits.feature, 0), splits.bin]
    model.left[at] = splits.left
    model.child[at] = children.child
    model.gain[at] = np.where(is_split, splits.gain, 0.0)
