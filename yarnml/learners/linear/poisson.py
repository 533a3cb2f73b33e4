"""Poisson regression of counts: the mean is exp(w·x + b)."""

import jax
import jax.numpy as jnp

from yarnml.data.schema import Schema
from yarnml.job.learners import Poisson
from yarnml.learners.base import Learner
from yarnml.learners.checks import needs_number_label
from yarnml.learners.linear.glm import build_glm
from yarnml.learners.linear.inference import Dispersion
from yarnml.learners.linear.traits import Labels, Traits, log_mean


class Counts:
    """Counts: y is Poisson with mean exp(η); the loss is half the deviance, 0 for a perfect prediction."""

    traits = Traits(
        Labels(0.0, True, "counts, numbers of 0 or more"), Dispersion.KNOWN, start=log_mean, at_prior=jnp.log
    )

    def loss(self, eta: jax.Array, y: jax.Array) -> jax.Array:
        constant = y * jnp.log(jnp.where(y > 0, y, 1.0)) - y
        return jnp.exp(eta) - y * eta + constant

    def curvature(self, eta: jax.Array, y: jax.Array) -> jax.Array:
        return jnp.exp(eta)

    def predict(self, eta: jax.Array) -> jax.Array:
        return jnp.exp(eta)


def build(options: Poisson, schema: Schema) -> Learner:
    needs_number_label(schema, "poisson")
    return build_glm(Counts(), options, schema)
