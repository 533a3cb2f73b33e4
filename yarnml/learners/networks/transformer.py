"""A small transformer encoder for texts and series: every word, or step, looks at all of its row; their mean goes on.

Vaswani et al., "Attention Is All You Need", NIPS 2017, with learnt positions; for its blocks see
`yarnml.learners.networks.blocks`.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import jax
import jax.numpy as jnp

from yarnml.data.schema import Schema
from yarnml.job.learners import Transformer
from yarnml.learners.base import Key, Learner
from yarnml.learners.networks.blocks import (
    Layer,
    init_block,
    init_linear,
    init_norm,
    linear,
    normalised,
    through_blocks,
)
from yarnml.learners.networks.head import Head
from yarnml.learners.networks.language import language_layers
from yarnml.learners.networks.network import Between, build_network, dense, init_dense, unchanged
from yarnml.learners.networks.series import Series, over_series, with_prior
from yarnml.learners.networks.vocabularies import Vocabularies, mean_of_words


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
        return init_linear(key, self._inputs, numbers)

    def look_up(self, table: Layer, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        return linear(table, x), jnp.ones(x.shape[:2], bool)


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
            "blocks": [init_block(block, wide) for block in blocks],
            "norm": init_norm(wide),
            "dense": init_dense(last, self._dense),
        }

    def outputs(self, parameters: Any, x: jax.Array, between: Between = unchanged) -> jax.Array:
        words, is_word = self._inputs.look_up(parameters[self._inputs.name], x)
        x = between(words + parameters["positions"], 0)
        x = through_blocks(parameters["blocks"], x, is_word[:, None, None, :], self._heads, between)
        mean = mean_of_words(normalised(parameters["norm"], x), is_word)
        return dense(parameters["dense"], mean, between, first=2 * self._blocks + 1)


def build(options: Transformer, schema: Schema) -> Learner:
    head = Head(schema, "transformer")
    if options.task == "generate":
        return build_network(language_layers(options, schema), head, options)
    widths = [options.embedding, *options.hidden, head.width]

    def layers(inputs: Inputs) -> TransformerLayers:
        return TransformerLayers(inputs, options.blocks, options.heads, widths)

    if any(feature.ids for feature in schema.features):
        return build_network(layers(Vocabularies(schema, "transformer")), head, options)
    series = Series(schema, "transformer")
    network = over_series(layers(Steps(series)), series, options.horizon, schema)
    return build_network(network, head, with_prior(options, series, schema))
