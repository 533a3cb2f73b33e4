"""Linear regression that outliers move little: squared errors up to ``delta``, absolute ones beyond (Huber, 1964)."""

import jax
import jax.numpy as jnp

from yarnml.data.schema import Schema
from yarnml.job.learners import Huber
from yarnml.learners.base import Learner
from yarnml.learners.checks import needs_number_label
from yarnml.learners.linear.glm import build_glm
from yarnml.learners.linear.traits import Traits


class Robust:
    """Huber's loss; ``delta``, where it leaves the parabola, is in the label's units."""

    traits = Traits()

    def __init__(self, delta: float) -> None:
        self._delta = float(delta)

    def loss(self, eta: jax.Array, y: jax.Array) -> jax.Array:
        error = jnp.abs(eta - y)
        squared = jnp.minimum(error, self._delta)
        return squared * (error - 0.5 * squared)

    def curvature(self, eta: jax.Array, y: jax.Array) -> jax.Array:
        """The weights of iteratively reweighted least squares: a parabola that lies above the loss."""
        return self._delta / jnp.maximum(jnp.abs(eta - y), self._delta)

    def predict(self, eta: jax.Array) -> jax.Array:
        return eta


def build(options: Huber, schema: Schema) -> Learner:
    needs_number_label(schema, "huber")
    return build_glm(Robust(options.delta), options, schema)
