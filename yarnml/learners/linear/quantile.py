"""Linear quantile regression: w·x + b is the value below which a part of the labels lies (Koenker & Bassett, 1978)."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from yarnml.data.schema import Schema
from yarnml.job.learners import Quantile
from yarnml.learners.base import Learner
from yarnml.learners.checks import needs_number_label
from yarnml.learners.linear.glm import Family, build_glm
from yarnml.learners.linear.traits import Traits

WIDTH = 1e-4
"""Of a label's deviation: errors nearer to 0 have a parabola in the place of the kink, which solvers can't take."""


class Pinball:
    """The loss of a quantile: errors above weigh ``quantile``, those below 1 - ``quantile``."""

    traits = Traits(degree=1, kinked=True)

    def __init__(self, quantile: float) -> None:
        self._tilt = quantile - 0.5

    def loss(self, eta: jax.Array, y: jax.Array) -> jax.Array:
        return _rounded(y - eta, self._tilt)

    def curvature(self, eta: jax.Array, y: jax.Array) -> jax.Array:
        return _bound(y - eta)

    def predict(self, eta: jax.Array) -> jax.Array:
        return eta


class SeveralQuantiles:
    """The losses of several quantiles, each of a predictor of its own, added up.

    Every quantile has the coefficients that it would have alone.  Where their lines cross, predictions are put in
    order, which never raises the loss (Chernozhukov et al., "Quantile and Probability Curves Without Crossing", 2010).
    """

    def __init__(self, quantiles: Sequence[float]) -> None:
        self._tilts = np.array(quantiles) - 0.5
        self.traits = Pinball.traits._replace(outputs=(len(quantiles),))

    def loss(self, eta: jax.Array, y: jax.Array) -> jax.Array:
        return jnp.sum(_rounded(y[:, None] - eta, jnp.asarray(self._tilts, eta.dtype)), axis=1)

    def curvature(self, eta: jax.Array, y: jax.Array) -> jax.Array:
        return jax.vmap(jnp.diag)(_bound(y[:, None] - eta))

    def predict(self, eta: jax.Array) -> jax.Array:
        return jnp.sort(eta, axis=1)


def _rounded(error: jax.Array, tilt: jax.Array | float) -> jax.Array:
    """The loss of an error, whose kink is rounded off."""
    size = jnp.abs(error)
    rounded = jnp.where(size < WIDTH, 0.5 * jnp.square(error) / WIDTH + 0.5 * WIDTH, size)
    return 0.5 * rounded + tilt * error


def _bound(error: jax.Array) -> jax.Array:
    """The weights of iteratively reweighted least squares: a parabola that lies above the loss."""
    return 0.5 / jnp.maximum(jnp.abs(error), WIDTH)


def build(options: Quantile, schema: Schema) -> Learner:
    needs_number_label(schema, "quantile")
    share = options.quantile
    family: Family = SeveralQuantiles(share) if isinstance(share, list) else Pinball(share)
    return build_glm(family, options, schema)
