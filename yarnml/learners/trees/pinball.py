"""The objectives of boosting for quantiles of a number label, of which the median has the least absolute error.

The loss has a slope but no second derivative: a row counts 1 in its place.  So trees grow where more rows than the
share lie on one side, and a leaf is the quantile of the errors of its rows, to which ``l2`` adds as many of error 0.
(Friedman, "Greedy Function Approximation", 2001.)  Several quantiles have a tree each in a round; their predictions are
put in order, which never raises the loss.  (Chernozhukov et al., "Quantile and Probability Curves Without Crossing",
Econometrica, 2010.)
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from yarnml.data.arrays import Array
from yarnml.learners.trees.objectives import none_alike


class Pinball:
    """The pinball losses of some ``shares``, added up, times a factor.

    The targets are the label, once for each; when its quantiles are known, the mean distances from them take the place
    of its mean.
    """

    outputs = 1
    guess = 0.0

    def __init__(self, shares: Sequence[float], factor: float = 1.0, *, side_by_side: bool = False) -> None:
        self.trees = len(shares)
        self.targets_count = len(shares)
        self.shares = np.array(shares)
        self._factor = factor
        self._side_by_side = side_by_side

    def targets(self, y: Array, start: Array | None) -> Array:
        return np.tile(y.astype(np.float32), (self.trees, 1))

    def base(self, mean: Array) -> Array:
        return np.zeros_like(mean)

    def stats(self, scores: Array, y: Array, weight: Array, mean: Array) -> Array:
        share = self.shares[:, None]
        slope = np.where(scores > y.astype(np.float32), 1 - share, -share)
        gradient = slope * mean[:, None] * weight  # leaves before their quantiles are in the label's unit
        return np.stack([gradient, np.broadcast_to(weight, gradient.shape)], axis=-1).astype(np.float32)

    def loss(self, scores: Any, y: Any, xp: Any) -> Any:
        share = xp.asarray(self.shares[:, None], np.float32)
        error = y.astype(np.float32) - scores
        return self._factor * xp.sum(xp.maximum(share * error, (share - 1) * error), axis=0)

    def alike(self, leaf: Array, base: Array) -> Array:
        return none_alike(leaf)

    def predict(self, scores: jax.Array) -> jax.Array:
        return jnp.sort(scores, axis=1) if self._side_by_side else scores[:, 0]

    def refused(self, y: Array) -> str | None:
        return None
