"""The objectives of boosting for quantiles of a number label, of which the median has the least absolute error.

The loss has a slope but no second derivative: a row counts 1 in its place.  So trees grow where more rows than the
share lie on one side, and a leaf is the quantile of the errors of its rows, to which ``l2`` adds as many of error 0.
(Friedman, "Greedy Function Approximation", 2001.)
"""

from typing import Any

import jax
import numpy as np

from yarnml.data.arrays import Array
from yarnml.learners.trees.objectives import by_row, none_alike


class Pinball:
    """The pinball loss of a ``share``, times a factor.

    The one target is the label; once its quantile is known, the mean distance from it takes the place of its mean.
    """

    trees = 1
    outputs = 1
    targets_count = 1
    guess = 0.0

    def __init__(self, share: float, factor: float = 1.0) -> None:
        self.share = share
        self._factor = factor

    def targets(self, y: Array, start: Array | None) -> Array:
        return y.astype(np.float32)[None]

    def base(self, mean: Array) -> Array:
        return np.zeros_like(mean)

    def stats(self, scores: Array, y: Array, weight: Array, mean: Array) -> Array:
        slope = np.where(scores > y.astype(np.float32), 1 - self.share, -self.share)
        return by_row(slope * mean * weight, weight[None])[
            None
        ]  # leaves before their quantiles are in the label's unit

    def loss(self, scores: Any, y: Any, xp: Any) -> Any:
        error = y.astype(np.float32) - scores[0]
        return self._factor * xp.maximum(self.share * error, (self.share - 1) * error)

    def alike(self, leaf: Array, base: Array) -> Array:
        return none_alike(leaf)

    def predict(self, scores: jax.Array) -> jax.Array:
        return scores[:, 0]

    def refused(self, y: Array) -> str | None:
        return None
