"""Objectives of boosting for a number label beside the squared error: losses in a table, `LOSSES`.

A score is the prediction, or its logarithm where the label can't be negative.  Gradients and second derivatives are in
units in which a usual row counts about 1, whatever the label's unit is, so that ``l2`` and ``min_hessian`` count rows.

The absolute and the quantile loss have no second derivative.  The one of a parabola that lies above a row's loss and
touches it takes its place, but for very small errors, so that leaves lower the loss.  (Hunter and Lange, "Quantile
Regression via an MM Algorithm", JCGS 2000.)  Huber's has the weights of iteratively reweighted least squares likewise.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from yarnml.data.arrays import Array
from yarnml.job.learners import Boosting
from yarnml.learners.trees.objectives import by_row, none_alike

_SMALLEST_ERROR = 0.1
"""Errors that count as large as this have the steepest parabola; a part of the label's mean deviation."""
_MAX_EXPONENT = 80.0
"""Of predictions that are exponents: float32 ends at exp(88)."""


class Loss(NamedTuple):
    """A loss of one row.

    ``slopes`` (score, y, spread) → its first and second derivative, for NumPy; ``spread``: labels' mean deviation.
    ``value`` (score, y, xp) → the loss.
    ``least``: labels are above; None: any.  ``includes_least``: or are it.  Such a label has logarithms as scores.
    """

    slopes: Callable[[Array, Array, Array], tuple[Array, Array]]
    value: Callable[[Any, Any, Any], Any]
    least: float | None = None
    includes_least: bool = True


class NumberObjective:
    """Trees for a loss; labels are counted from ``centre`` where their spread is added up."""

    trees = 1
    outputs = 1
    targets_count = 2
    guess = 1.0

    def __init__(self, name: str, loss: Loss, centre: float) -> None:
        self._name = name
        self._loss = loss
        self._centre = np.float32(centre)
        self._is_logarithm = loss.least is not None

    def targets(self, y: Array) -> Array:
        above = y.astype(np.float32) - self._centre
        return np.stack([above, np.abs(above)])

    def base(self, mean: jax.Array) -> jax.Array:
        middle = mean[:1] + self._centre
        return jnp.log(jnp.maximum(middle, 1e-6)) if self._is_logarithm else middle

    def stats(self, scores: Array, y: Array, weight: Array, mean: Array) -> Array:
        spread = np.maximum(mean[1], np.finfo(np.float32).tiny)
        first, second = self._loss.slopes(scores[0], y.astype(np.float32), spread)
        return by_row((first * weight)[None], (second * weight)[None])[None]

    def loss(self, scores: Any, y: Any, xp: Any) -> Any:
        return self._loss.value(scores[0], y.astype(np.float32), xp)

    def alike(self, leaf: jax.Array, base: jax.Array) -> jax.Array:
        return none_alike(leaf)

    def predict(self, scores: jax.Array) -> jax.Array:
        return _exp(scores[:, 0], jnp) if self._is_logarithm else scores[:, 0]

    def refused(self, y: Array) -> str | None:
        """The sentence about labels that the loss is not defined for; None where there are none."""
        least = self._loss.least
        if least is None:
            return None
        odd = y[~((y >= least) if self._loss.includes_least else (y > least))]
        bound = f"of {least:g} or more" if self._loss.includes_least else f"above {least:g}"
        return f"learner.objective {self._name} needs labels {bound}, but one is {odd[0]:g}." if odd.size else None


def _quantile(share: float, factor: float = 1.0) -> Loss:
    """The pinball loss of a share, times a factor."""

    def slopes(score: Array, y: Array, spread: Array) -> tuple[Array, Array]:
        error = score - y
        size = np.maximum(np.abs(error), _SMALLEST_ERROR * spread)
        return factor * spread * np.where(error > 0, 1 - share, -share), 0.5 * factor * spread / size

    def value(score: Any, y: Any, xp: Any) -> Any:
        return factor * xp.maximum(share * (y - score), (share - 1) * (y - score))

    return Loss(slopes, value)


def _huber(delta: float) -> Loss:
    def slopes(score: Array, y: Array, spread: Array) -> tuple[Array, Array]:
        error = score - y
        return np.clip(error, -delta, delta), delta / np.maximum(np.abs(error), delta)

    def value(score: Any, y: Any, xp: Any) -> Any:
        error = xp.abs(score - y)
        squared = xp.minimum(error, delta)
        return squared * (error - 0.5 * squared)

    return Loss(slopes, value)


def _poisson() -> Loss:
    def slopes(score: Array, y: Array, spread: Array) -> tuple[Array, Array]:
        mean = _exp(score, np)
        return mean - y, mean

    return Loss(slopes, lambda score, y, xp: _exp(score, xp) - y * score, 0.0)


def _gamma() -> Loss:
    """Half the deviance."""

    def slopes(score: Array, y: Array, spread: Array) -> tuple[Array, Array]:
        share = y * _exp(-score, np)
        return 1 - share, 0.5 * (1 + share)

    def value(score: Any, y: Any, xp: Any) -> Any:
        return y * _exp(-score, xp) + score - xp.log(xp.where(y > 0, y, 1.0)) - 1

    return Loss(slopes, value, 0.0, includes_least=False)


def _tweedie(power: float) -> Loss:
    """The negative log-likelihood of amounts that are often 0, but for a constant; 1 < power < 2."""

    def slopes(score: Array, y: Array, spread: Array) -> tuple[Array, Array]:
        amount = y * _exp((1 - power) * score, np)
        mean = _exp((2 - power) * score, np)
        return mean - amount, (power - 1) * amount + (2 - power) * mean

    def value(score: Any, y: Any, xp: Any) -> Any:
        return y * _exp((1 - power) * score, xp) / (power - 1) + _exp((2 - power) * score, xp) / (2 - power)

    return Loss(slopes, value, 0.0)


LOSSES: dict[str, Callable[[Boosting], Loss]] = {
    "absolute": lambda options: _quantile(0.5, 2.0),
    "huber": lambda options: _huber(options.delta),
    "quantile": lambda options: _quantile(options.quantile),
    "poisson": lambda options: _poisson(),
    "gamma": lambda options: _gamma(),
    "tweedie": lambda options: _tweedie(options.tweedie_power),
}


def _exp(score: Any, xp: Any) -> Any:
    return xp.exp(xp.clip(score, -_MAX_EXPONENT, _MAX_EXPONENT))
