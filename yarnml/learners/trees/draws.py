"""Random draws of trees: the features of nodes, and the places where they may be split; the same on every worker."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from yarnml.learners.noise import mix_bits
from yarnml.learners.trees.rule import Rule


class Draws:
    """The draws of a training, by its seed, the number of a tree and that of a node; there are ``trees`` in a round."""

    def __init__(self, rule: Rule, trees: int, features: int) -> None:
        self._rule = rule
        self._trees = trees
        self._features = features

    def features(self, state: Any, tree: Any, nodes: Any, xp: Any) -> Any:
        """The features that the nodes of a tree [1] may split on, int32 [nodes, features]; with NumPy or JAX."""
        count = self._rule.features_per_node
        if count is None:
            return xp.tile(xp.arange(self._features, dtype=np.int32), (len(nodes), 1))
        number = state.model.rounds * self._trees + tree
        return _draw_features(state.seed.reshape(1), number, nodes, self._features, count, xp)

    def places(self, state: Any, tree: jax.Array, nodes: jax.Array, features: jax.Array | None) -> Any:
        """The draws for the only places that the nodes of a tree [1] may be split at; None where all are looked at."""
        if not self._rule.random_places:
            return None
        used = jnp.arange(self._features)[None] if features is None else features
        return _draw_places(state.seed.reshape(1), state.model.rounds * self._trees + tree, nodes, used)


def _draw_features(seed: Any, tree: Any, node: Any, features: int, count: int, xp: Any) -> Any:
    """Features that nodes may split on, ``count`` of all: int32 [nodes, count], the same with NumPy and JAX.

    Their order is random, too: of equal splits the first is taken.

    ``seed`` [1], ``tree`` [1], of all rounds, and ``node`` [nodes]: whole numbers.
    """
    keys = _bits_of(seed, tree, node, xp.arange(1, features + 1, dtype=np.uint32))
    return xp.argsort(keys, axis=1, stable=True)[:, :count].astype(np.int32)


def _draw_places(seed: jax.Array, tree: jax.Array, node: jax.Array, feature: jax.Array) -> jax.Array:
    """A number in [0, 1) for every feature of nodes; ``feature`` [nodes or 1, features], the rest as above."""
    bits = _bits_of(seed, tree, node, _PLACES + feature.astype(np.uint32))
    return (bits >> 8).astype(jnp.float32) / (1 << 24)


_PLACES = np.uint32(1 << 31)


def _bits_of(seed: Any, tree: Any, node: Any, number: Any) -> Any:
    """Random bits, uint32 [nodes, numbers]."""
    own = mix_bits(mix_bits(seed.astype(np.uint32) ^ mix_bits(tree.astype(np.uint32))) + node.astype(np.uint32))
    return mix_bits(own[:, None] ^ mix_bits(number))
