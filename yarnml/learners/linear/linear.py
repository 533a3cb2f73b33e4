"""Linear regression: minimises the mean of (w·x + b - y)² / 2."""

import jax
import jax.numpy as jnp

from yarnml.data.schema import Schema
from yarnml.job.learners import Linear
from yarnml.learners.base import Learner, squared_error
from yarnml.learners.checks import needs_number_label
from yarnml.learners.linear.glm import build_glm
from yarnml.learners.linear.inference import Dispersion
from yarnml.learners.linear.traits import Traits


class LeastSquares:
    """The family of least squares: y is normal around η, with the same variance everywhere."""

    traits = Traits(dispersion=Dispersion.DEVIANCE)

    def loss(self, eta: jax.Array, y: jax.Array) -> jax.Array:
        return squared_error(eta, y)

    def curvature(self, eta: jax.Array, y: jax.Array) -> jax.Array:
        return jnp.ones_like(eta)

    def predict(self, eta: jax.Array) -> jax.Array:
        return eta


def build(options: Linear, schema: Schema) -> Learner:
    needs_number_label(schema, "linear")
    return build_glm(LeastSquares(), options, schema)
