"""Objectives of boosting for a number label beside the squared error: losses in a table, `LOSSES`.

A score is the prediction, or its logarithm where the label can't be negative.  Huber's loss has the weights of
iteratively reweighted least squares as second derivatives.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from yarnml.data.arrays import Array
from yarnml.job.learners import Boosting
from yarnml.learners.trees.objectives import by_row, none_alike
from yarnml.learners.trees.survival import DISTRIBUTIONS

_MAX_EXPONENT = 80.0
"""Of predictions that are exponents: float32 ends at exp(88)."""


class Loss(NamedTuple):
    """A loss of one row.

    ``slopes`` (score, y) → its first and second derivative, for NumPy.
    ``value`` (score, y, xp) → the loss.
    ``least``: labels are above; None: any.  ``includes_least``: or are it.  Such a label has logarithms as scores.
    ``is_time``: labels are times, whose logarithms are scores; negative for one up to which nothing happened.
    """

    slopes: Callable[[Array, Array], tuple[Array, Array]]
    value: Callable[[Any, Any, Any], Any]
    least: float | None = None
    includes_least: bool = True
    is_time: bool = False


class NumberObjective:
    """Trees for a loss."""

    trees = 1
    outputs = 1
    targets_count = 2
    guess = 1.0
    shares = None

    def __init__(self, name: str, loss: Loss) -> None:
        self._name = name
        self._loss = loss
        self._is_logarithm = loss.least is not None or loss.is_time

    def targets(self, y: Array, start: Array | None) -> Array:
        known = np.zeros(len(y), np.float32) if start is None else start
        factor = _exp(known, np)
        return np.stack([np.abs(y.astype(np.float32)), factor]) if self._is_logarithm else np.stack([y - known, factor])

    def base(self, mean: Array) -> Array:
        return np.log(np.maximum(mean[:1], 1e-6) / mean[1:]) if self._is_logarithm else mean[:1]

    def stats(self, scores: Array, y: Array, weight: Array, mean: Array) -> Array:
        first, second = self._loss.slopes(scores[0], y.astype(np.float32))
        return by_row(first * weight, second * weight)[None]

    def loss(self, scores: Any, y: Any, xp: Any) -> Any:
        return self._loss.value(scores[0], y.astype(np.float32), xp)

    def alike(self, leaf: Array, base: Array) -> Array:
        return none_alike(leaf)

    def predict(self, scores: jax.Array) -> jax.Array:
        return _exp(scores[:, 0], jnp) if self._is_logarithm else scores[:, 0]

    def refused(self, y: Array) -> str | None:
        """The sentence about labels that the loss is not defined for; None where there are none."""
        least = self._loss.least
        if self._loss.is_time:
            wrong = y[(y == 0) | ~np.isfinite(y)]
            return (
                f"learner.objective {self._name} needs times other than 0, but one is {wrong[0]:g}."
                if wrong.size
                else None
            )
        if least is None:
            return None
        odd = y[~((y >= least) if self._loss.includes_least else (y > least))]
        bound = f"of {least:g} or more" if self._loss.includes_least else f"above {least:g}"
        return f"learner.objective {self._name} needs labels {bound}, but one is {odd[0]:g}." if odd.size else None


def _huber(delta: float) -> Loss:
    def slopes(score: Array, y: Array) -> tuple[Array, Array]:
        error = score - y
        return np.clip(error, -delta, delta), delta / np.maximum(np.abs(error), delta)

    def value(score: Any, y: Any, xp: Any) -> Any:
        error = xp.abs(score - y)
        squared = xp.minimum(error, delta)
        return squared * (error - 0.5 * squared)

    return Loss(slopes, value)


def _poisson() -> Loss:
    def slopes(score: Array, y: Array) -> tuple[Array, Array]:
        mean = _exp(score, np)
        return mean - y, mean

    return Loss(slopes, lambda score, y, xp: _exp(score, xp) - y * score, 0.0)


def _gamma() -> Loss:
    """Half the deviance."""

    def slopes(score: Array, y: Array) -> tuple[Array, Array]:
        share = y * _exp(-score, np)
        return 1 - share, 0.5 * (1 + share)

    def value(score: Any, y: Any, xp: Any) -> Any:
        return y * _exp(-score, xp) + score - xp.log(xp.where(y > 0, y, 1.0)) - 1

    return Loss(slopes, value, 0.0, includes_least=False)


def _tweedie(power: float) -> Loss:
    """The negative log-likelihood of amounts that are often 0, but for a constant; 1 < power < 2."""

    def slopes(score: Array, y: Array) -> tuple[Array, Array]:
        amount = y * _exp((1 - power) * score, np)
        mean = _exp((2 - power) * score, np)
        return mean - amount, (power - 1) * amount + (2 - power) * mean

    def value(score: Any, y: Any, xp: Any) -> Any:
        return y * _exp((1 - power) * score, xp) / (power - 1) + _exp((2 - power) * score, xp) / (2 - power)

    return Loss(slopes, value, 0.0)


def _failure_time(distribution: str, sigma: float) -> Loss:
    """The negative log-likelihood of times whose logarithms are score + sigma · noise (Wei, 1992)."""
    noise = DISTRIBUTIONS[distribution]

    def standardised(score: Any, y: Any, xp: Any) -> Any:
        return xp.clip((xp.log(xp.abs(y)) - score) / sigma, -_MAX_EXPONENT, _MAX_EXPONENT)

    def slopes(score: Array, y: Array) -> tuple[Array, Array]:
        z = standardised(score, y, np)
        both = zip(noise.density_slopes(z), noise.survival_slopes(z), strict=True)
        first, second = (np.where(y > 0, density, survival) for density, survival in both)
        return -first / sigma, second / sigma**2

    def value(score: Any, y: Any, xp: Any) -> Any:
        z = standardised(score, y, xp)
        return xp.where(y > 0, noise.density(z, xp) + xp.log(sigma * xp.abs(y)), noise.survival(z, xp))

    return Loss(slopes, value, is_time=True)


LOSSES: dict[str, Callable[[Boosting], Loss]] = {
    "huber": lambda options: _huber(options.delta),
    "poisson": lambda options: _poisson(),
    "gamma": lambda options: _gamma(),
    "tweedie": lambda options: _tweedie(options.tweedie_power),
    "aft": lambda options: _failure_time(options.distribution, options.sigma),
}


def _exp(score: Any, xp: Any) -> Any:
    return xp.exp(xp.clip(score, -_MAX_EXPONENT, _MAX_EXPONENT))
