"""A convolutional network for images: blocks of 3x3 convolution, ReLU and 2x2 max pooling, then a perceptron."""

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from yarnml.data.schema import Schema
from yarnml.errors import JobFileError
from yarnml.job.learners import Cnn, Normalization
from yarnml.learners.base import Key, Learner, flat
from yarnml.learners.networks.augmentation import Augmentation
from yarnml.learners.networks.head import Head
from yarnml.learners.networks.network import Between, build_network, dense, init_dense, shifted, unchanged

_LAYOUT = ("NHWC", "HWIO", "NHWC")


class CnnLayers:
    """Blocks of convolutions, then dense layers: x [rows, height, width, channels] → [rows, dense[-1]].

    ``shape``: (height, width, channels) of an image.
    ``channels``: those of each block.
    ``dense``: the widths of the layers behind the blocks.
    """

    def __init__(
        self, shape: Sequence[int], channels: Sequence[int], dense: Sequence[int], norm: Normalization
    ) -> None:
        self._channels = [shape[2], *channels]
        self._normalized = norm != "none"
        pooled = [side // 2 ** len(channels) for side in shape[:2]]
        self._widths = [math.prod(pooled) * channels[-1], *dense]

    def init(self, key: Key) -> Any:
        first, second = jax.random.split(key)
        pairs = list(zip(self._channels[:-1], self._channels[1:], strict=True))
        keys = jax.random.split(first, len(pairs))
        blocks = [
            {"weight": jax.random.normal(k, (3, 3, a, b)) * jnp.sqrt(2.0 / (9 * a)), "bias": jnp.zeros(b)}
            for k, (a, b) in zip(keys, pairs, strict=True)
        ]
        for block in blocks if self._normalized else []:
            block["gain"] = jnp.zeros_like(block["bias"])
        return {"blocks": blocks, "dense": init_dense(second, self._widths, self._normalized)}

    def outputs(self, parameters: Any, x: jax.Array, between: Between = unchanged) -> jax.Array:
        blocks = between.narrow(parameters["blocks"])
        x = x.astype(blocks[0]["weight"].dtype)
        for number, block in enumerate(blocks):
            x = jax.lax.conv_general_dilated(x, block["weight"], (1, 1), "SAME", dimension_numbers=_LAYOUT)
            x = jax.nn.relu(shifted(block, between.normalized(x, number)))
            x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
        return dense(parameters["dense"], flat(x), between, first=len(blocks))


def build(options: Cnn, schema: Schema) -> Learner:
    shape = schema.shape
    if shape is None or len(shape) != 3:
        given = list(shape) if shape else "none"
        raise JobFileError(f"learner.kind cnn needs data.shape: [height, width, channels], found {given}.")
    if not options.channels or min(shape[:2]) < 2 ** len(options.channels):
        raise JobFileError(
            f"learner.channels: every entry halves the image, so {list(shape[:2])} allows "
            f"1 to {min(shape[:2]).bit_length() - 1} of them, found {len(options.channels)}."
        )
    head = Head(schema, "cnn")
    norm = options.normalization
    layers = CnnLayers(shape, options.channels, [*options.hidden, head.width], norm)
    augmentation = Augmentation(options.augment, shape) if options.augment else None
    return build_network(layers, head, options, norm, [*options.channels, *options.hidden], augmentation)
