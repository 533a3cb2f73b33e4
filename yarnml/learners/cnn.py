"""A convolutional network for images: blocks of 3x3 convolution, ReLU and 2x2 max pooling, then a perceptron."""

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from yarnml.data.schema import Schema
from yarnml.errors import JobFileError
from yarnml.learners.base import Key, Learner, flat
from yarnml.learners.gradient import GradientDescent, weight_decay
from yarnml.learners.network import Head, dense, init_dense
from yarnml.learners.optimizers import build_optimizer
from yarnml.learners.options import Cnn

_LAYOUT = ("NHWC", "HWIO", "NHWC")


class CnnModel:
    """x [rows, height, width, channels] → probabilities [rows, classes] or numbers [rows]."""

    def __init__(self, shape: Sequence[int], channels: Sequence[int], hidden: Sequence[int], head: Head) -> None:
        self._channels, self._head = [shape[2], *channels], head
        pooled = [side // 2 ** len(channels) for side in shape[:2]]
        self._widths = [math.prod(pooled) * channels[-1], *hidden, head.width]

    def init(self, key: Key) -> Any:
        first, second = jax.random.split(key)
        pairs = list(zip(self._channels[:-1], self._channels[1:], strict=True))
        keys = jax.random.split(first, len(pairs))
        blocks = [
            {"weight": jax.random.normal(k, (3, 3, a, b)) * jnp.sqrt(2.0 / (9 * a)), "bias": jnp.zeros(b)}
            for k, (a, b) in zip(keys, pairs, strict=True)
        ]
        return {"blocks": blocks, "dense": init_dense(second, self._widths)}

    def _outputs(self, parameters: Any, x: jax.Array) -> jax.Array:
        for block in parameters["blocks"]:
            x = jax.lax.conv_general_dilated(x, block["weight"], (1, 1), "SAME", dimension_numbers=_LAYOUT)
            x = jax.nn.relu(x + block["bias"])
            x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
        return dense(parameters["dense"], flat(x))

    def predict(self, parameters: Any, x: jax.Array) -> jax.Array:
        return self._head.predict(self._outputs(parameters, x))

    def loss(self, parameters: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        return self._head.loss(self._outputs(parameters, x), y)


def build(options: Cnn, schema: Schema) -> Learner:
    shape = schema.shape
    if shape is None or len(shape) != 3:
        found = list(shape) if shape else "none"
        raise JobFileError(f"learner.kind cnn needs data.shape: [height, width, channels], found {found}.")
    if not options.channels or min(shape[:2]) < 2 ** len(options.channels):
        raise JobFileError(
            f"learner.channels: every entry halves the image, so {list(shape[:2])} allows "
            f"1 to {min(shape[:2]).bit_length() - 1} of them, found {len(options.channels)}."
        )
    head = Head(schema, "cnn")
    model = CnnModel(shape, options.channels, options.hidden, head)
    return GradientDescent(model, build_optimizer(options.optimizer, options.clip_norm), weight_decay(options.l2))
