"""Distributions of the noise in accelerated failure times, by the negative logarithms of density and survival.

Kalbfleisch and Prentice, "The Statistical Analysis of Failure Time Data", 2002, chapter 2.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from jax.scipy.special import log_ndtr

from yarnml.data.arrays import Array

Slopes = Callable[[Array], tuple[Array, Array]]


class Distribution(NamedTuple):
    """Functions of a standardised number z, for NumPy or JAX (``xp``), and their first two derivatives, for NumPy.

    ``density``: -log f(z).  ``survival``: -log P(noise > z).
    """

    density: Callable[[Any, Any], Any]
    density_slopes: Slopes
    survival: Callable[[Any, Any], Any]
    survival_slopes: Slopes


def _normal_survival(z: Any, xp: Any) -> Any:
    if xp is np:
        from scipy import special  # type: ignore[import-untyped]  # takes long to load

        return -special.log_ndtr(-z)
    return -log_ndtr(-z)


def _normal_survival_slopes(z: Array) -> tuple[Array, Array]:
    hazard = np.exp(_normal_survival(z, np) - _normal_density(z, np))
    return hazard, np.maximum(hazard * (hazard - z), 0)


def _normal_density(z: Any, xp: Any) -> Any:
    return 0.5 * z * z + 0.5 * math.log(2 * math.pi)


def _softplus(z: Any, xp: Any) -> Any:
    return xp.maximum(z, 0) + xp.log1p(xp.exp(-xp.abs(z)))


def _logistic_slopes(z: Array) -> tuple[Array, Array]:
    share = 1 / (1 + np.exp(-z))
    return share, share * (1 - share)


def _logistic_density_slopes(z: Array) -> tuple[Array, Array]:
    first, second = _logistic_slopes(z)
    return 2 * first - 1, 2 * second


def _extreme_slopes(z: Array) -> tuple[Array, Array]:
    power = np.exp(z)
    return power, power


def _extreme_density_slopes(z: Array) -> tuple[Array, Array]:
    power = np.exp(z)
    return power - 1, power


DISTRIBUTIONS = {
    "normal": Distribution(_normal_density, lambda z: (z, np.ones_like(z)), _normal_survival, _normal_survival_slopes),
    "logistic": Distribution(
        lambda z, xp: 2 * _softplus(z, xp) - z, _logistic_density_slopes, _softplus, _logistic_slopes
    ),
    "extreme": Distribution(
        lambda z, xp: xp.exp(z) - z, _extreme_density_slopes, lambda z, xp: xp.exp(z), _extreme_slopes
    ),
}
