"""Logistic regression for two classes: P(second class) = 1 / (1 + exp(-(w·x + b)))."""

import jax
import jax.numpy as jnp

from yarnml.data.schema import Schema
from yarnml.job.learners import Logistic
from yarnml.learners.base import Learner, binary_cross_entropy
from yarnml.learners.checks import needs_classes
from yarnml.learners.linear.glm import build_glm
from yarnml.learners.linear.inference import Dispersion
from yarnml.learners.linear.traits import Traits
from yarnml.learners.prior import log_odds


class Bernoulli:
    """The family of two classes: η is the logarithm of the odds of the second."""

    traits = Traits(dispersion=Dispersion.KNOWN, classifies=True, unbounded=True, at_prior=log_odds)

    def loss(self, eta: jax.Array, y: jax.Array) -> jax.Array:
        return binary_cross_entropy(eta, y)

    def curvature(self, eta: jax.Array, y: jax.Array) -> jax.Array:
        return jax.nn.sigmoid(eta) * jax.nn.sigmoid(-eta)

    def predict(self, eta: jax.Array) -> jax.Array:
        return jax.nn.sigmoid(jnp.stack([-eta, eta], axis=-1))


def build(options: Logistic, schema: Schema) -> Learner:
    needs_classes(schema, "logistic", exactly=2)
    return build_glm(Bernoulli(), options, schema)
