"""A small transformer encoder for texts and series: every word, or step, looks at all of its row; their mean goes on.

Vaswani et al., "Attention Is All You Need", NIPS 2017, with learnt positions and GELU (Hendrycks and Gimpel, 2016; by
tanh), normalised (Ba, Kiros and Hinton, "Layer Normalization", 2016) before each part of a block, as in Xiong et al.,
"On Layer Normalization in the Transformer Architecture", ICML 2020.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import jax
import jax.numpy as jnp

from yarnml.data.schema import Schema
from yarnml.job.learners import Transformer
from yarnml.learners.base import Key, Learner
from yarnml.learners.networks.network import Between, Head, build_network, dense, init_dense, unchanged
from yarnml.learners.networks.normalization import layer_norm
from yarnml.learners.networks.series import Series, over_series, with_prior
from yarnml.learners.networks.vocabularies import Vocabularies, mean_of_words

WIDENING = 4
"""The width of a block's perceptron, in widths of the embedding."""

Layer = dict[str, jax.Array]


class Inputs(Protocol):
    """The way from a row's features to its places, the words of a text or the steps of a series.

    ``name``: of its parameters.  ``width``: the places of a row.
    """

    name: str
    width: int

    def init(self, key: Key, numbers: int) -> Any:
        """Parameters, for so many numbers of a place."""

    def look_up(self, table: Any, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        """The numbers of every place, [rows, width, numbers]; and bool [rows, width], false for padding."""


class Steps:
    """The steps of a series, each a linear function of its numbers: x [rows, steps, series]."""

    name = "input"

    def __init__(self, series: Series) -> None:
        self.width = series.steps
        self._inputs = series.count

    def init(self, key: Key, numbers: int) -> Layer:
        """Weights normal with variance 1/inputs, biases 0."""
        return _init_linear(key, self._inputs, numbers)

    def look_up(self, table: Layer, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        return _linear(table, x), jnp.ones(x.shape[:2], bool)


class TransformerLayers:
    """Blocks of attention, then dense layers on their mean: x [rows, *shape] → [rows, dense[-1]].

    ``dense``: widths; the first is that of an embedding.
    The padding behind a row's last word changes nothing.
    """

    def __init__(self, inputs: Inputs, blocks: int, heads: int, dense: Sequence[int]) -> None:
        self._inputs = inputs
        self._blocks = blocks
        self._heads = heads
        self._dense = dense

    def init(self, key: Key) -> Any:
        wide = self._dense[0]
        words, positions, last, *blocks = jax.random.split(key, 3 + self._blocks)
        return {
            self._inputs.name: self._inputs.init(words, wide),
            "positions": jax.random.normal(positions, (self._inputs.width, wide)) / jnp.sqrt(float(wide)),
            "blocks": [_block(block, wide) for block in blocks],
            "norm": _norm(wide),
            "dense": init_dense(last, self._dense),
        }

    def outputs(self, parameters: Any, x: jax.Array, between: Between = unchanged) -> jax.Array:
        words, is_word = self._inputs.look_up(parameters[self._inputs.name], x)
        x = between(words + parameters["positions"], 0)
        for number, block in enumerate(between.narrow(parameters["blocks"])):
            attended = self._attention(block, normalised(block["before_attention"], x), is_word)
            x = x + between(attended.astype(x.dtype), 2 * number + 1)
            inner = _perceptron(block, normalised(block["before_inner"], x))
            x = x + between(inner.astype(x.dtype), 2 * number + 2)
        mean = mean_of_words(normalised(parameters["norm"], x), is_word)
        return dense(parameters["dense"], mean, between, first=2 * self._blocks + 1)

    def _attention(self, block: Any, x: jax.Array, is_word: jax.Array) -> jax.Array:
        """Let every word look at the words of its row: x [rows, words, embedding] → the same form.

        Padding is not looked at; the weights of the words are float32.
        """
        rows, words, wide = x.shape
        split = _linear(block["attention"], x).reshape(rows, words, 3, self._heads, wide // self._heads)
        query, key, value = (split[:, :, part].astype(jnp.float32) for part in range(3))
        attended = jax.nn.dot_product_attention(query, key, value, mask=is_word[:, None, None, :])
        return _linear(block["joined"], attended.reshape(rows, words, wide).astype(x.dtype))


def _perceptron(block: Any, x: jax.Array) -> jax.Array:
    return _linear(block["outer"], jax.nn.gelu(_linear(block["inner"], x)))


def normalised(layer: Layer, x: jax.Array) -> jax.Array:
    """Normalise to mean 0 and variance 1 over the last axis, then scale and shift, in the layer's type.

    A penalty draws the scale, 1 + ``gain``, to 1.
    """
    return layer_norm(x).astype(layer["gain"].dtype) * (1.0 + layer["gain"]) + layer["bias"]


def _linear(layer: Layer, x: jax.Array) -> jax.Array:
    return x @ layer["weight"] + layer["bias"]


def _init_linear(key: Key, inputs: int, outputs: int) -> Layer:
    """Weights normal with variance 1/inputs, biases 0."""
    return {"weight": jax.random.normal(key, (inputs, outputs)) / jnp.sqrt(float(inputs)), "bias": jnp.zeros(outputs)}


def _block(key: Key, wide: int) -> dict[str, Layer]:
    shapes = {
        "attention": (wide, 3 * wide),
        "joined": (wide, wide),
        "inner": (wide, WIDENING * wide),
        "outer": (WIDENING * wide, wide),
    }
    layers = {
        name: _init_linear(k, a, b)
        for k, (name, (a, b)) in zip(jax.random.split(key, len(shapes)), shapes.items(), strict=True)
    }
    return layers | {"before_attention": _norm(wide), "before_inner": _norm(wide)}


def _norm(wide: int) -> Layer:
    return {"gain": jnp.zeros(wide), "bias": jnp.zeros(wide)}


def build(options: Transformer, schema: Schema) -> Learner:
    head = Head(schema, "transformer")
    widths = [options.embedding, *options.hidden, head.width]

    def layers(inputs: Inputs) -> TransformerLayers:
        return TransformerLayers(inputs, options.blocks, options.heads, widths)

    if any(feature.ids for feature in schema.features):
        return build_network(layers(Vocabularies(schema, "transformer")), head, options)
    series = Series(schema, "transformer")
    network = over_series(layers(Steps(series)), series, options.horizon, schema)
    return build_network(network, head, with_prior(options, series, schema))
