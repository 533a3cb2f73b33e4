"""Linear quantile regression: w·x + b is the value below which a part of the labels lies (Koenker & Bassett, 1978)."""

import jax
import jax.numpy as jnp

from yarnml.data.schema import Schema
from yarnml.job.learners import Quantile
from yarnml.learners.base import Learner
from yarnml.learners.checks import needs_number_label
from yarnml.learners.linear.glm import build_glm
from yarnml.learners.linear.traits import Traits

WIDTH = 1e-4
"""Of a label's deviation: errors nearer to 0 have a parabola in the place of the kink, which solvers can't take."""


class Pinball:
    """The loss of a quantile: errors above weigh ``quantile``, those below 1 - ``quantile``."""

    traits = Traits(degree=1, kinked=True)

    def __init__(self, quantile: float) -> None:
        self._tilt = quantile - 0.5

    def loss(self, eta: jax.Array, y: jax.Array) -> jax.Array:
        error = y - eta
        size = jnp.abs(error)
        rounded = jnp.where(size < WIDTH, 0.5 * jnp.square(error) / WIDTH + 0.5 * WIDTH, size)
        return 0.5 * rounded + self._tilt * error

    def curvature(self, eta: jax.Array, y: jax.Array) -> jax.Array:
        """The weights of iteratively reweighted least squares: a parabola that lies above the loss."""
        return 0.5 / jnp.maximum(jnp.abs(eta - y), WIDTH)

    def predict(self, eta: jax.Array) -> jax.Array:
        return eta


def build(options: Quantile, schema: Schema) -> Learner:
    needs_number_label(schema, "quantile")
    return build_glm(Pinball(options.quantile), options, schema)
