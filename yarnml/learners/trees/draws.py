"""Random draws of trees: the features of nodes, and the places where they may be split; the same on every worker."""

from typing import Any

import numpy as np

from yarnml.data.arrays import Array
from yarnml.learners.noise import mix_bits
from yarnml.learners.trees.rule import Rule

_PLACES = np.uint32(1 << 31)


class Draws:
    """The draws of a training, by its seed, the number of a tree and that of a node; there are ``trees`` in a round."""

    def __init__(self, rule: Rule, trees: int, features: int) -> None:
        self._rule = rule
        self._trees = trees
        self._features = features

    def features(self, state: Any, tree: Array, nodes: Array) -> Array | None:
        """The features that nodes may split on, int32 [nodes, features]; None for all.

        Their order is random, too: of equal splits the first is taken.

        ``tree`` [nodes], of the round, and ``nodes``: whole numbers.
        """
        count = self._rule.features_per_node
        if count is None:
            return None
        keys = self._bits_of(state, tree, nodes, np.arange(1, self._features + 1, dtype=np.uint32))
        return np.argsort(keys, axis=1, kind="stable")[:, :count].astype(np.int32)

    def places(self, state: Any, tree: Array, nodes: Array, features: Array | None) -> Array | None:
        """A number in [0, 1) for each feature of nodes: the only place to split at; None where all are looked at."""
        if not self._rule.random_places:
            return None
        used = np.arange(self._features)[None] if features is None else features
        bits = self._bits_of(state, tree, nodes, _PLACES + used.astype(np.uint32))
        return (bits >> 8).astype(np.float32) / np.float32(1 << 24)

    def _bits_of(self, state: Any, tree: Array, node: Array, number: Array) -> Array:
        """Random bits, uint32 [nodes, numbers]."""
        first = int(state.model.rounds) * self._trees
        seed = np.full(1, state.seed, np.uint32) ^ mix_bits((first + tree).astype(np.uint32))
        own = mix_bits(mix_bits(seed) + node.astype(np.uint32))
        return mix_bits(own[:, None] ^ mix_bits(number))
