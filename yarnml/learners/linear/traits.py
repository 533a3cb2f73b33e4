"""Facts about the families of linear models, by which solvers and checks go."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from yarnml.learners.linear.inference import Dispersion


class Labels(NamedTuple):
    """The labels that a family can take; ``low`` itself only with ``closed``."""

    low: float
    closed: bool
    words: str


class Traits(NamedTuple):
    """Facts about a family.

    ``labels``: those that the family can take; None for all.
    ``outputs``: the shape of a row's predictors, () or (classes,).
    ``classifies``: the loss is -log of a class's probability.
    ``unbounded``: the loss may have no least value at finite coefficients.
    ``steepness``: its curvature where the score is 0, over that of logistic loss, which the usual prior was chosen for.
    ``degree``: the power of the error with which the loss grows, which tells its units.
    ``kinked``: the loss is nearly linear by pieces, so that its curvature says little of how far to go.
    ``at_prior``: the bias that predicts a prior of the label, see `yarnml.learners.prior`; None for 0.
    ``start``: the bias to begin with, given the slope of the mean loss by the bias where all parameters are 0; None
    for 0.
    """

    labels: Labels | None = None
    dispersion: Dispersion = Dispersion.NONE
    outputs: tuple[int, ...] = ()
    classifies: bool = False
    unbounded: bool = False
    steepness: float = 1.0
    degree: int = 2
    kinked: bool = False
    start: Callable[[jax.Array], jax.Array] | None = None
    at_prior: Callable[[jax.Array], jax.Array] | None = None


def log_mean(slope: jax.Array) -> jax.Array:
    """The bias to begin with for means exp(η), where ``slope`` is 1 - the mean of the labels."""
    return jnp.log(jnp.maximum(1 - slope, 1e-6))
