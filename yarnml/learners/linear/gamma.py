"""Gamma regression of amounts and durations, which spread in proportion to their mean exp(w·x + b)."""

import jax
import jax.numpy as jnp

from yarnml.data.schema import Schema
from yarnml.job.learners import Gamma
from yarnml.learners.base import Learner
from yarnml.learners.checks import needs_number_label
from yarnml.learners.linear.glm import build_glm
from yarnml.learners.linear.inference import Dispersion
from yarnml.learners.linear.traits import Labels, Traits, log_mean


class Amounts:
    """The family of amounts: y is Gamma with mean exp(η); the loss is half the deviance, 0 for a perfect prediction."""

    traits = Traits(Labels(0.0, False, "numbers above 0"), Dispersion.PEARSON, start=log_mean, at_prior=jnp.log)

    def loss(self, eta: jax.Array, y: jax.Array) -> jax.Array:
        constant = jnp.log(jnp.where(y > 0, y, 1.0)) + 1  # finite for padding, whose label is 0
        return y * jnp.exp(-eta) + eta - constant

    def curvature(self, eta: jax.Array, y: jax.Array) -> jax.Array:
        """The expected value of the second derivative y · exp(-η)."""
        return jnp.ones_like(eta)

    def predict(self, eta: jax.Array) -> jax.Array:
        return jnp.exp(eta)


def build(options: Gamma, schema: Schema) -> Learner:
    needs_number_label(schema, "gamma")
    return build_glm(Amounts(), options, schema)
