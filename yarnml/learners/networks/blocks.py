"""Blocks of attention and a perceptron, each normalised before it, as transformers are made of.

Vaswani et al., "Attention Is All You Need", NIPS 2017, with GELU (Hendrycks and Gimpel, 2016; by tanh), normalised (Ba,
Kiros and Hinton, "Layer Normalization", 2016) before each part of a block, as in Xiong et al., "On Layer Normalization
in the Transformer Architecture", ICML 2020.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from yarnml.learners.base import Key
from yarnml.learners.networks.network import Between
from yarnml.learners.networks.normalization import layer_norm

WIDENING = 4
"""The width of a block's perceptron, in widths of the embedding."""

Layer = dict[str, jax.Array]


def init_block(key: Key, wide: int) -> dict[str, Layer]:
    """Parameters of a block for places of so many numbers."""
    shapes = {
        "attention": (wide, 3 * wide),
        "joined": (wide, wide),
        "inner": (wide, WIDENING * wide),
        "outer": (WIDENING * wide, wide),
    }
    layers = {
        name: init_linear(k, a, b)
        for k, (name, (a, b)) in zip(jax.random.split(key, len(shapes)), shapes.items(), strict=True)
    }
    return layers | {"before_attention": init_norm(wide), "before_inner": init_norm(wide)}


def through_blocks(blocks: Sequence[Any], x: jax.Array, mask: jax.Array, heads: int, between: Between) -> jax.Array:
    """Pass places through blocks: x [rows, …, places, numbers] → the same form.

    ``mask``: bool [rows or 1, 1, places or 1, places], false for a place that another one does not look at.
    ``between``: acts on what each half of a block adds, by the numbers 1, 2, …
    """
    for number, block in enumerate(between.narrow(blocks)):
        attended = _attention(block, normalised(block["before_attention"], x), mask, heads)
        x = x + between(attended.astype(x.dtype), 2 * number + 1)
        inner = _perceptron(block, normalised(block["before_inner"], x))
        x = x + between(inner.astype(x.dtype), 2 * number + 2)
    return x


def _attention(block: Any, x: jax.Array, mask: jax.Array, heads: int) -> jax.Array:
    """Let every place look at others: x [rows, …, places, numbers] → the same form; attention is float32."""
    *_, places, wide = x.shape
    split = linear(block["attention"], x).reshape(-1, places, 3, heads, wide // heads)
    query, key, value = (split[:, :, part].astype(jnp.float32) for part in range(3))
    attended = jax.nn.dot_product_attention(query, key, value, mask=mask)
    return linear(block["joined"], attended.reshape(x.shape).astype(x.dtype))


def _perceptron(block: Any, x: jax.Array) -> jax.Array:
    return linear(block["outer"], jax.nn.gelu(linear(block["inner"], x)))


def normalised(layer: Layer, x: jax.Array) -> jax.Array:
    """Normalise to mean 0 and variance 1 over the last axis, then scale and shift, in the layer's type.

    A penalty draws the scale, 1 + ``gain``, to 1.
    """
    return layer_norm(x).astype(layer["gain"].dtype) * (1.0 + layer["gain"]) + layer["bias"]


def linear(layer: Layer, x: jax.Array) -> jax.Array:
    """Multiply by the layer's weight, and add its bias."""
    return x @ layer["weight"] + layer["bias"]


def init_linear(key: Key, inputs: int, outputs: int) -> Layer:
    """Weights normal with variance 1/inputs, biases 0."""
    return {"weight": jax.random.normal(key, (inputs, outputs)) / jnp.sqrt(float(inputs)), "bias": jnp.zeros(outputs)}


def init_norm(wide: int) -> Layer:
    """A normalisation that neither scales nor shifts."""
    return {"gain": jnp.zeros(wide), "bias": jnp.zeros(wide)}
