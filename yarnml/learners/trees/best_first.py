"""Growth leaf by leaf: of all nodes the one is split whose split gains most, until a tree has its number of leaves.

(Shi, "Best-first Decision Tree Learning", 2007; Ke et al., "LightGBM", NIPS 2017.)  A pass for each split would be
slow, and is not needed: a pass finds the splits of all nodes below those that would be split by what is known so far.
More that is known only puts others behind, so what is left out once never comes back; and when no node is left to look
at, the choice is that of one split after another.
"""

import jax
import jax.numpy as jnp

from yarnml.learners.trees.growth import Nodes
from yarnml.learners.trees.model import Model
from yarnml.learners.trees.splits import Splits


def chosen(model: Model, nodes: Nodes, splits: Splits, leaves: int) -> jax.Array:
    """The nodes of the newest round's trees that are split, of those whose splits are known: bool [trees, nodes].

    ``nodes``, ``splits``: of this pass, which the model does not have yet.
    """
    tree = jnp.arange(len(nodes.waiting))[:, None]
    gain = model.gain[model.rounds].at[tree, nodes.number].set(splits.gain, mode="drop")
    return jax.vmap(lambda gain, child: _chosen(gain, child, leaves - 1))(gain, model.child[model.rounds])


def at(nodes: Nodes, of_all: jax.Array) -> jax.Array:
    """The numbers of the nodes of a pass, out of those of all nodes [trees, nodes]."""
    return jnp.take_along_axis(of_all, jnp.minimum(nodes.number, of_all.shape[1] - 1), axis=1)


def pruned(model: Model, chosen: jax.Array, is_grown: jax.Array) -> Model:
    """The model without the splits that better ones have put behind, where its newest round ``is_grown``."""
    feature = model.feature[model.rounds]
    kept = jnp.where(is_grown & ~chosen, -1, feature)
    return model._replace(feature=model.feature.at[model.rounds].set(kept))


def _chosen(gain: jax.Array, child: jax.Array, splits: int) -> jax.Array:
    """The nodes that are split one after another; ``child`` [nodes]: the left one below, 0 for none."""

    def split(_: int, state: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        is_leaf, is_split = state
        best = jnp.argmax(jnp.where(is_leaf, gain, 0.0))
        gains = is_leaf[best] & (gain[best] > 0)
        below = jnp.where(gains & (child[best] > 0), child[best] + jnp.arange(2), len(gain))
        is_leaf = is_leaf.at[best].set(is_leaf[best] & ~gains).at[below].set(True, mode="drop")
        return is_leaf, is_split.at[best].set(is_split[best] | gains)

    none = jnp.zeros(len(gain), bool)
    return jax.lax.fori_loop(0, splits, split, (none.at[0].set(True), none))[1]
