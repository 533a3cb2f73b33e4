"""Ordinal logistic regression, by proportional odds: P(label above class j) = 1 / (1 + exp(-(w·x + b_j))).

McCullagh, "Regression Models for Ordinal Data", J. Royal Statistical Society B 42, 1980.
"""

from typing import Any

import jax
import jax.numpy as jnp

from yarnml.data.schema import Schema
from yarnml.job.learners import Ordinal
from yarnml.learners.base import Batch, Key, Learner, flat, split_offset
from yarnml.learners.checks import needs_classes
from yarnml.learners.linear.fitting import build_fitted
from yarnml.learners.linear.inference import Dispersion
from yarnml.learners.linear.traits import Traits

TRAITS = Traits(dispersion=Dispersion.KNOWN, classifies=True, unbounded=True)
LEAST_GAP = 1e-4
"""Between two boundaries: below it the loss goes on as a line, so that it is convex for any boundaries."""


class ProportionalOdds:
    """One ``weight`` [width] for all classes, and a ``bias`` [classes - 1], descending, for each boundary between two.

    x: [rows, *shape]; the last number of a row is added to its predictor where it has more than ``width``.
    """

    def __init__(self, classes: int, width: int) -> None:
        self._classes = classes
        self._width = width

    def init(self, key: Key) -> Any:
        """Equal probabilities for all classes."""
        above = jnp.arange(self._classes - 1, 0, -1) / self._classes
        return {"weight": jnp.zeros(self._width), "bias": jnp.log(above / (1 - above))}

    def at_prior(self, parameters: Any, prior: jax.Array) -> Any:
        above = jnp.cumsum(prior[::-1])[-2::-1]
        return parameters | {"bias": jnp.log(above / (1 - above))}

    def start(self, gradient: Any) -> None:
        return None

    def units(self, factor: jax.Array) -> Any:
        return {"weight": factor.astype(jnp.float64), "bias": jnp.ones(self._classes - 1)}

    def loss(self, parameters: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        return _loss(self._odds(parameters, x), y)

    def predict(self, parameters: Any, x: jax.Array) -> jax.Array:
        above = jax.nn.sigmoid(self._odds(parameters, x))
        return jnp.maximum(-jnp.diff(above, axis=1, prepend=1.0, append=0.0), 0.0)

    def curvature(self, parameters: Any, batch: Batch) -> jax.Array:
        second = jax.vmap(jax.hessian(_row_loss))(self._odds(parameters, batch.x), batch.y)
        return self._products(second, batch)

    def slope_products(self, parameters: Any, batch: Batch) -> jax.Array:
        slopes = jax.vmap(jax.grad(_row_loss))(self._odds(parameters, batch.x), batch.y)
        return self._products(slopes[:, :, None] * slopes[:, None, :], batch)

    def pearson(self, parameters: Any, batch: Batch) -> jax.Array:
        """Nothing: the dispersion is known."""
        return jnp.zeros(())

    def _odds(self, parameters: Any, x: jax.Array) -> jax.Array:
        """[rows, classes - 1]: the logarithms of the odds that a label lies above each boundary."""
        features, offset = split_offset(flat(x), self._width)
        one = jnp.matmul(features, parameters["weight"], precision=jax.lax.Precision.HIGHEST) + offset
        return one[:, None] + parameters["bias"]

    def _products(self, factor: jax.Array, batch: Batch) -> jax.Array:
        """Σ weight · Jᵀ factor J, [n, n]: factor [rows, classes - 1, classes - 1], J the odds' derivative: (1, x)."""
        x, _ = split_offset(flat(batch.x), self._width)
        weighted = factor * batch.weight[:, None, None]
        by_boundary = jnp.sum(weighted, axis=2)
        mixed = jnp.matmul(by_boundary.T, x, precision=jax.lax.Precision.HIGHEST)
        both = jnp.matmul(x.T * jnp.sum(by_boundary, axis=1), x, precision=jax.lax.Precision.HIGHEST)
        return jnp.block([[jnp.sum(weighted, axis=0), mixed], [mixed.T, both]])


def _loss(odds: jax.Array, y: jax.Array) -> jax.Array:
    """-log of the probability of each row's class; odds [rows, classes - 1], y [rows] → [rows]."""
    return jax.vmap(_row_loss)(odds, y)


def _row_loss(odds: jax.Array, y: jax.Array) -> jax.Array:
    """-log(σ(lower) - σ(upper)) of the odds at the two boundaries of class ``y``, which the first and last lack."""
    last = odds.shape[0]
    lower = odds[jnp.maximum(y - 1, 0)]
    upper = odds[jnp.minimum(y, last - 1)]
    gap = jnp.where((y > 0) & (y < last), lower - upper, 1.0)
    safe = jnp.maximum(gap, LEAST_GAP)
    beyond = (gap - safe) / jnp.expm1(LEAST_GAP)
    inside = jnp.where((y > 0) & (y < last), -jnp.log(-jnp.expm1(-safe)) - beyond, 0.0)
    return inside + jnp.where(y > 0, jax.nn.softplus(-lower), 0.0) + jnp.where(y < last, jax.nn.softplus(upper), 0.0)


def build(options: Ordinal, schema: Schema) -> Learner:
    needs_classes(schema, "ordinal")
    return build_fitted(ProportionalOdds(schema.outputs, schema.width), TRAITS, options, str(schema.label))
