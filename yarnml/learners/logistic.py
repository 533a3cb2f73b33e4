"""Logistic regression for two classes: P(second class) = 1 / (1 + exp(-(w·x + b)))."""

from typing import Any

import jax
import jax.numpy as jnp

from yarnml.data.schema import Schema
from yarnml.learners.base import Key, Learner, flat
from yarnml.learners.checks import needs_classes
from yarnml.learners.gradient import GradientDescent, weight_decay
from yarnml.learners.optimizers import build_optimizer
from yarnml.learners.options import Logistic


class LogisticModel:
    """x [rows, *shape] → probabilities [rows, 2]."""

    def __init__(self, width: int) -> None:
        self._width = width

    def init(self, key: Key) -> Any:
        return {"weight": jnp.zeros(self._width), "bias": jnp.zeros(())}

    def _margin(self, parameters: Any, x: jax.Array) -> jax.Array:
        return flat(x) @ parameters["weight"] + parameters["bias"]

    def predict(self, parameters: Any, x: jax.Array) -> jax.Array:
        margin = self._margin(parameters, x)
        return jax.nn.sigmoid(jnp.stack([-margin, margin], axis=-1))

    def loss(self, parameters: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        margin = self._margin(parameters, x)
        return jax.nn.softplus(jnp.where(y == 1, -margin, margin))


def build(options: Logistic, schema: Schema) -> Learner:
    needs_classes(schema, "logistic", exactly=2)
    optimizer = build_optimizer(options.optimizer, options.clip_norm)
    return GradientDescent(LogisticModel(schema.width), optimizer, weight_decay(options.l2))
