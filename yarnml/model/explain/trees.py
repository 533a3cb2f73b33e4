"""Exact SHAP values of trees, by the rows that went through each node in training.

The value of a feature is its mean effect on the score over all orders in which features become known; a feature that is
not known yet sends a row to both sides of a split, each as often as training rows went there.  Lundberg et al., "From
local explanations to global understanding with explainable AI for trees", Nature Machine Intelligence, 2020.

A leaf gives each feature of its path a part that depends only on which of them the row agrees with.  So there are few
different rows for a leaf, and each of these is worked out once.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

MAX_CATEGORIES = 1 << 14
"""Categories are whole numbers below, as in `yarnml.learners.trees.categories`."""


class Leaf(NamedTuple):
    """A leaf of a tree: its number, and the nodes above it, each with the side that leads to the leaf."""

    number: int
    path: list[tuple[int, bool]]


class Trees:
    """The trees of an exported model.

    ``arrays``: of the model, by name, see `yarnml.learners.trees.model.Model`.
    ``categorical`` [features]: true for those that are; ``bins``: at most so many per feature.
    """

    def __init__(self, arrays: Mapping[str, npt.ArrayLike], categorical: Array, bins: int) -> None:
        start = "parameters/"
        self._arrays = {n.removeprefix(start): np.asarray(a) for n, a in arrays.items() if n.startswith(start)}
        self._categorical = categorical
        self._bins = bins
        self.scores = len(self._arrays["base"])

    @property
    def has_covers(self) -> bool:
        """True where every node says how many rows it had; models of earlier versions do not."""
        a = self._arrays
        return all((a["cover"][r, t][nodes] > 0).all() for r, t in self._trees() if (nodes := _reached(a, r, t)).any())

    def explained(self, x: Array) -> tuple[Array, Array]:
        """float64 [rows, features, scores] and [scores]: the SHAP values of rows, and the score without any feature."""
        a = self._arrays
        values = np.zeros((*x.shape, self.scores))
        base = a["base"].astype(np.float64)
        for round, tree in self._trees():
            goes_right = self._sides(x, round, tree)
            for leaf in _leaves(a, round, tree):
                outputs = a["leaf"][round, tree, leaf.number].astype(np.float64) * float(a["share"])
                places = (tree * len(outputs) + np.arange(len(outputs))) % self.scores
                if not leaf.path:
                    base[places] += outputs
                    continue
                features, agrees, shares = self._path(round, tree, leaf, goes_right)
                base[places] += outputs * np.prod(shares)
                parts = _parts(agrees, shares)
                for place, feature in enumerate(features):
                    values[:, feature, places] += parts[:, place, None] * outputs
        return values, base

    def leaves(self, x: Array) -> Array:
        """int32 [rows, trees]: the number of the node in which each row ends, tree by tree, as they were grown."""
        ends = []
        for round, tree in self._trees():
            goes_right = self._sides(x, round, tree)
            end = np.zeros(len(x), np.int32)
            for leaf in _leaves(self._arrays, round, tree):
                is_here = np.ones(len(x), bool)
                for node, right in leaf.path:
                    is_here &= goes_right[node] == right
                end[is_here] = leaf.number
            ends.append(end)
        return np.stack(ends, axis=1)

    def _trees(self) -> Iterator[tuple[int, int]]:
        for round in range(int(self._arrays["rounds"])):
            for tree in range(self._arrays["feature"].shape[1]):
                yield round, tree

    def _sides(self, x: Array, round: int, tree: int) -> dict[int, Array]:
        """For each node that is split, [rows]: true for rows that go right there."""
        a = self._arrays
        sides = {}
        for node in np.flatnonzero(a["feature"][round, tree] >= 0):
            feature = a["feature"][round, tree, node]
            value = x[:, feature]
            right = value > a["threshold"][round, tree, node]
            is_missing = np.isnan(value)
            if "table" in a and self._categorical[feature]:
                code = np.clip(np.nan_to_num(value), 0, MAX_CATEGORIES - 1).astype(np.int32)
                table = a["table"][np.cumsum(self._categorical)[feature] - 1]
                bin = np.where(code == value, table[code].astype(np.int32), self._bins)
                words = a["categories"][round, tree, node][np.minimum(bin, self._bins - 1) >> 5]
                right = (words >> (bin & 31).astype(np.uint32)) & 1 == 0
                is_missing |= bin == self._bins
            sides[int(node)] = np.where(is_missing, not a["left"][round, tree, node], right)
        return sides

    def _path(
        self, round: int, tree: int, leaf: Leaf, goes_right: Mapping[int, Array]
    ) -> tuple[list[int], Array, Array]:
        """The features of a leaf's path; [rows, features]: whether rows agree with them; [features]: their shares.

        The share of a feature: of the rows at its nodes, those that went the way of the path.
        """
        a = self._arrays
        cover = a["cover"][round, tree].astype(np.float64)
        agrees: dict[int, Array] = {}
        shares: dict[int, float] = {}
        for node, right in leaf.path:
            feature = int(a["feature"][round, tree, node])
            child = int(a["child"][round, tree, node])
            own = goes_right[node] == right
            agrees[feature] = agrees[feature] & own if feature in agrees else own
            both = cover[child] + cover[child + 1]
            shares[feature] = shares.get(feature, 1.0) * cover[child + right] / both
        return [*agrees], np.column_stack([*agrees.values()]), np.array([*shares.values()])


def _leaves(arrays: Mapping[str, Array], round: int, tree: int) -> Iterator[Leaf]:
    """All leaves of a tree."""
    waiting = [Leaf(0, [])]
    while waiting:
        node, path = waiting.pop()
        if arrays["feature"][round, tree, node] < 0:
            yield Leaf(node, path)
            continue
        child = int(arrays["child"][round, tree, node])
        waiting += [Leaf(child + right, [*path, (node, bool(right))]) for right in (0, 1)]


def _reached(arrays: Mapping[str, Array], round: int, tree: int) -> Array:
    """[nodes]: true for those below a split."""
    is_reached = np.zeros(arrays["feature"].shape[2], bool)
    split = arrays["feature"][round, tree] >= 0
    for side in (0, 1):
        is_reached[arrays["child"][round, tree, split] + side] = True
    return is_reached


def _parts(agrees: Array, shares: Array) -> Array:
    """[rows, features]: what a leaf of output 1 gives to each feature of its path.

    ``agrees`` [rows, features]; ``shares`` [features].
    """
    different, place = np.unique(agrees, axis=0, return_inverse=True)
    count = len(shares)
    known = different.astype(np.float64)
    weights = [math.factorial(k) * math.factorial(count - 1 - k) / math.factorial(count) for k in range(count)]
    parts = np.empty_like(known)
    for i in range(count):
        product = np.ones((len(known), 1))  # of all others: coefficients by how many of them are known
        for j in range(count):
            if j != i:
                longer = np.zeros((len(known), product.shape[1] + 1))
                longer[:, :-1] += product * shares[j]
                longer[:, 1:] += product * known[:, j, None]
                product = longer
        parts[:, i] = (known[:, i] - shares[i]) * (product @ np.array(weights))
    return parts[place.reshape(-1)]
