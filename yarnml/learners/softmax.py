"""Softmax (multinomial logistic) regression: P(class c) ∝ exp(w_c·x + b_c)."""

from typing import Any

import jax
import jax.numpy as jnp

from yarnml.data.schema import Schema
from yarnml.learners.base import Key, Learner, cross_entropy, flat
from yarnml.learners.checks import needs_classes
from yarnml.learners.gradient import GradientDescent, weight_decay
from yarnml.learners.optimizers import build_optimizer
from yarnml.learners.options import Softmax


class SoftmaxModel:
    """x [rows, *shape] → probabilities [rows, classes]."""

    def __init__(self, width: int, classes: int) -> None:
        self._width, self._classes = width, classes

    def init(self, key: Key) -> Any:
        return {"weight": jnp.zeros((self._width, self._classes)), "bias": jnp.zeros(self._classes)}

    def _logits(self, parameters: Any, x: jax.Array) -> jax.Array:
        return flat(x) @ parameters["weight"] + parameters["bias"]

    def predict(self, parameters: Any, x: jax.Array) -> jax.Array:
        return jax.nn.softmax(self._logits(parameters, x))

    def loss(self, parameters: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        return cross_entropy(self._logits(parameters, x), y)


def build(options: Softmax, schema: Schema) -> Learner:
    needs_classes(schema, "softmax")
    optimizer = build_optimizer(options.optimizer, options.clip_norm)
    return GradientDescent(SoftmaxModel(schema.width, schema.outputs), optimizer, weight_decay(options.l2))
