"""A multilayer perceptron with ReLU, for classes or numbers."""

from collections.abc import Sequence
from typing import Any

import jax

from yarnml.data.schema import Schema
from yarnml.learners.base import Key, Learner, flat
from yarnml.learners.gradient import GradientDescent, weight_decay
from yarnml.learners.network import Head, dense, init_dense
from yarnml.learners.optimizers import build_optimizer
from yarnml.learners.options import Mlp


class MlpModel:
    """x [rows, *shape] → probabilities [rows, classes] or numbers [rows]."""

    def __init__(self, widths: Sequence[int], head: Head) -> None:
        self._widths, self._head = widths, head

    def init(self, key: Key) -> Any:
        return init_dense(key, self._widths)

    def _outputs(self, parameters: Any, x: jax.Array) -> jax.Array:
        return dense(parameters, flat(x))

    def predict(self, parameters: Any, x: jax.Array) -> jax.Array:
        return self._head.predict(self._outputs(parameters, x))

    def loss(self, parameters: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        return self._head.loss(self._outputs(parameters, x), y)


def build(options: Mlp, schema: Schema) -> Learner:
    head = Head(schema, "mlp")
    model = MlpModel([schema.width, *options.hidden, head.width], head)
    return GradientDescent(model, build_optimizer(options.optimizer, options.clip_norm), weight_decay(options.l2))
