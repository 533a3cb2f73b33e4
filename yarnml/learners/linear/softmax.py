"""Softmax (multinomial logistic) regression: P(class c) ∝ exp(w_c·x + b_c)."""

import jax
import jax.numpy as jnp

from yarnml.data.schema import Schema
from yarnml.job.learners import Softmax
from yarnml.learners.base import Learner, cross_entropy
from yarnml.learners.checks import needs_classes
from yarnml.learners.linear.glm import build_glm
from yarnml.learners.linear.traits import Traits
from yarnml.learners.prior import log_shares


class Multinomial:
    """The family of several classes: η [rows, classes] are logarithms of odds, up to a constant of each row."""

    def __init__(self, classes: int) -> None:
        self.traits = Traits(outputs=(classes,), classifies=True, unbounded=True, at_prior=log_shares)

    def loss(self, eta: jax.Array, y: jax.Array) -> jax.Array:
        return cross_entropy(eta, y)

    def curvature(self, eta: jax.Array, y: jax.Array) -> jax.Array:
        p = jax.nn.softmax(eta)
        return jax.vmap(jnp.diag)(p) - p[:, :, None] * p[:, None, :]

    def predict(self, eta: jax.Array) -> jax.Array:
        return jax.nn.softmax(eta)


def build(options: Softmax, schema: Schema) -> Learner:
    needs_classes(schema, "softmax")
    return build_glm(Multinomial(schema.outputs), options, schema)
