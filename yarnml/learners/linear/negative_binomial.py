"""Negative binomial regression of counts that vary more than Poisson's: the mean is exp(w·x + b).

Hilbe, "Negative Binomial Regression", 2011: the form NB2, of variance μ + alpha·μ².
"""

import math
from functools import partial

import jax
import jax.numpy as jnp

from yarnml.data.schema import Schema
from yarnml.job.learners import NegativeBinomial
from yarnml.learners.base import Learner
from yarnml.learners.checks import needs_number_label
from yarnml.learners.linear.glm import build_glm
from yarnml.learners.linear.inference import Dispersion
from yarnml.learners.linear.traits import Labels, Traits


class OverdispersedCounts:
    """Counts of mean μ = exp(η) and variance μ + alpha·μ²; the loss is half the deviance."""

    def __init__(self, alpha: float) -> None:
        self._alpha = float(alpha)
        labels = Labels(0.0, True, "counts, numbers of 0 or more")
        self.traits = Traits(labels, Dispersion.KNOWN, start=partial(_log_mean, self._alpha), at_prior=jnp.log)

    def loss(self, eta: jax.Array, y: jax.Array) -> jax.Array:
        trials = y + 1 / self._alpha
        constant = y * jnp.log(jnp.where(y > 0, y, 1.0)) - trials * jnp.log1p(self._alpha * y)
        return trials * jax.nn.softplus(eta + math.log(self._alpha)) - y * eta + constant

    def curvature(self, eta: jax.Array, y: jax.Array) -> jax.Array:
        """The expected value of the second derivative."""
        return jax.nn.sigmoid(eta + math.log(self._alpha)) / self._alpha

    def predict(self, eta: jax.Array) -> jax.Array:
        return jnp.exp(eta)


def _log_mean(alpha: float, slope: jax.Array) -> jax.Array:
    """The bias to begin with, where ``slope`` is (1 - the mean of the labels) / (1 + alpha)."""
    return jnp.log(jnp.maximum(1 - slope * (1 + alpha), 1e-6))


def build(options: NegativeBinomial, schema: Schema) -> Learner:
    needs_number_label(schema, "negative_binomial")
    return build_glm(OverdispersedCounts(options.alpha), options, schema)
