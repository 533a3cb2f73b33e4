"""Objectives in which the gradients of a row hang on other rows: they are worked out from a table of all rows."""

from typing import Any, Protocol

import jax
import numpy as np

from yarnml.data.arrays import Array
from yarnml.learners.trees.objectives import none_alike
from yarnml.learners.trees.table import Slopes, Table


class LossAmongRows(Protocol):
    """A loss that only all rows together have."""

    def slopes(self, table: Table, places: Array) -> Slopes:
        """The derivatives of the loss by the scores of the rows in these places, and their part of it."""

    def refused(self, y: Array) -> str | None:
        """The sentence about a label that can't be learned; None where all can."""


class AmongRows:
    """The objective of such a loss: every row has one score, which begins at 0."""

    trees = 1
    outputs = 1
    targets_count = 1
    guess = 0.0
    shares = None

    def __init__(self, loss: LossAmongRows) -> None:
        self.slopes = loss.slopes
        self.refused = loss.refused

    def targets(self, y: Array, start: Array | None) -> Array:
        return np.zeros((1, len(y)), np.float32)

    def base(self, mean: Array) -> Array:
        return np.zeros(1)

    def stats(self, scores: Array, y: Array, weight: Array, mean: Array) -> Array:
        raise NotImplementedError("its gradients hang on other rows: see slopes")

    def loss(self, scores: Any, y: Any, xp: Any) -> Any:
        return xp.zeros(len(y), np.float32)  # a row alone has none: an evaluation takes that of all

    def alike(self, leaf: Array, base: Array) -> Array:
        return none_alike(leaf)

    def predict(self, scores: jax.Array) -> jax.Array:
        return scores[:, 0]
