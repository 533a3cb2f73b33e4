"""A linear support vector machine for two classes, with squared hinge loss.

Squared, since the plain hinge has no gradient at its kink, which line searches and proximal steps count on (Keerthi &
DeCoste, "A Modified Finite Newton Method for Fast Solution of Large Scale Linear SVMs", JMLR 6, 2005).
"""

import jax
import jax.numpy as jnp

from yarnml.data.schema import Schema
from yarnml.job.learners import Svm
from yarnml.learners.base import Learner
from yarnml.learners.checks import needs_classes
from yarnml.learners.linear.glm import build_glm
from yarnml.learners.linear.traits import Traits


class SquaredHinge:
    """Squared hinge loss of the margin η: rows of the second class should be above 1, those of the first below -1."""

    traits = Traits(unbounded=True, steepness=2 / 0.25)

    def loss(self, eta: jax.Array, y: jax.Array) -> jax.Array:
        return jnp.square(_shortfall(eta, y))

    def curvature(self, eta: jax.Array, y: jax.Array) -> jax.Array:
        return jnp.where(_shortfall(eta, y) > 0, 2.0, 0.0)

    def predict(self, eta: jax.Array) -> jax.Array:
        """Scores that add up to 1 and lie η apart, [rows, 2]; not probabilities."""
        return jnp.stack([0.5 - 0.5 * eta, 0.5 + 0.5 * eta], axis=-1)


def _shortfall(eta: jax.Array, y: jax.Array) -> jax.Array:
    """The part of a margin of 1 that every row lacks on the side of its class, [rows]."""
    return jnp.maximum(1 - jnp.where(y == 1, eta, -eta), 0.0)


def build(options: Svm, schema: Schema) -> Learner:
    needs_classes(schema, "svm", exactly=2)
    return build_glm(SquaredHinge(), options, schema)
