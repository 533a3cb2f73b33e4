"""Linear regression: minimises the mean of (w·x + b - y)² / 2, by gradient descent."""

from typing import Any

import jax
import jax.numpy as jnp

from yarnml.data.schema import Schema
from yarnml.learners.base import Key, Learner, flat, squared_error
from yarnml.learners.checks import needs_number_label
from yarnml.learners.gradient import GradientDescent, weight_decay
from yarnml.learners.optimizers import build_optimizer
from yarnml.learners.options import Linear


class LinearModel:
    """x [rows, *shape] → [rows]."""

    def __init__(self, width: int) -> None:
        self._width = width

    def init(self, key: Key) -> Any:
        return {"weight": jnp.zeros(self._width), "bias": jnp.zeros(())}

    def predict(self, parameters: Any, x: jax.Array) -> jax.Array:
        return flat(x) @ parameters["weight"] + parameters["bias"]

    def loss(self, parameters: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        return squared_error(self.predict(parameters, x), y)


def build(options: Linear, schema: Schema) -> Learner:
    needs_number_label(schema, "linear")
    optimizer = build_optimizer(options.optimizer, options.clip_norm)
    return GradientDescent(LinearModel(schema.width), optimizer, weight_decay(options.l2))
