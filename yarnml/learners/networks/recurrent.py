"""Recurrent networks for rows that are sequences: layers of plain, LSTM or GRU cells, then a perceptron.

Elman, "Finding Structure in Time", Cognitive Science, 1990; Hochreiter and Schmidhuber, "Long Short-Term Memory",
Neural Computation, 1997, with the forget gate of Gers et al., 2000; Cho et al., "Learning Phrase Representations using
RNN Encoder-Decoder", EMNLP 2014.  Layer normalisation is of the two products in each cell, as in Ba et al., 2016.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from yarnml.data.schema import Schema
from yarnml.job.learners import Normalization, Recurrent
from yarnml.learners.base import Key, Learner
from yarnml.learners.networks.head import Head
from yarnml.learners.networks.network import Between, Parameters, build_network, dense, init_dense, unchanged
from yarnml.learners.networks.series import Series, over_series, with_prior

Memory = tuple[jax.Array, ...]


class Cell(NamedTuple):
    """A kind of recurrent cell.

    ``gates``: blocks of units in each matrix.
    ``memories``: arrays in its memory, (output, …), each [rows, units].
    ``step``: (memory, x @ input, output @ recurrent, bias) → the next memory; both products are [rows, gates · units].
    """

    gates: int
    memories: int
    step: Callable[[Memory, jax.Array, jax.Array, jax.Array], Memory]


def _plain(memory: Memory, x: jax.Array, h: jax.Array, bias: jax.Array) -> Memory:
    return (jnp.tanh(x + h + bias),)


def _lstm(memory: Memory, x: jax.Array, h: jax.Array, bias: jax.Array) -> Memory:
    enter, forget, new, leave = jnp.split(x + h + bias, 4, axis=1)
    cell = jax.nn.sigmoid(forget + 1.0) * memory[1] + jax.nn.sigmoid(enter) * jnp.tanh(new)  # remembers at first
    return jax.nn.sigmoid(leave) * jnp.tanh(cell), cell


def _gru(memory: Memory, x: jax.Array, h: jax.Array, bias: jax.Array) -> Memory:
    """The reset gate acts behind the recurrent matrix, so that one product serves all gates."""
    xs = jnp.split(x + bias, 3, axis=1)
    hs = jnp.split(h, 3, axis=1)
    keep, reset = (jax.nn.sigmoid(a + b) for a, b in zip(xs[:2], hs[:2], strict=True))
    return (keep * memory[0] + (1.0 - keep) * jnp.tanh(xs[2] + reset * hs[2]),)


CELLS = {"rnn": Cell(1, 1, _plain), "lstm": Cell(4, 2, _lstm), "gru": Cell(3, 1, _gru)}


class RecurrentLayers:
    """Recurrent layers, then dense ones on the last step's output: x [rows, steps, features] → [rows, dense[-1]].

    ``units``: those of each recurrent layer.
    ``dense``: the widths from the last recurrent layer on.
    """

    def __init__(
        self, features: int, units: Sequence[int], dense: Sequence[int], cell: Cell, norm: Normalization
    ) -> None:
        self._widths = [features, *units]
        self._dense = dense
        self._cell = cell
        self._normalized = norm != "none"

    def init(self, key: Key) -> Any:
        first, second = jax.random.split(key)
        pairs = list(zip(self._widths[:-1], self._widths[1:], strict=True))
        keys = jax.random.split(first, len(pairs))
        layers = [self._layer(k, a, b) for k, (a, b) in zip(keys, pairs, strict=True)]
        return {"recurrent": layers, "dense": init_dense(second, self._dense, self._normalized)}

    def _layer(self, key: Key, inputs: int, units: int) -> Parameters:
        """Weights normal, with variance 1/inputs and 1/units; biases 0; gains of the two products, if any, 0."""
        first, second = jax.random.split(key)
        wide = self._cell.gates * units
        gain = {"gain": jnp.zeros((2, wide))} if self._normalized else {}
        return gain | {
            "input": jax.random.normal(first, (inputs, wide)) / jnp.sqrt(float(inputs)),
            "recurrent": jax.random.normal(second, (units, wide)) / jnp.sqrt(float(units)),
            "bias": jnp.zeros(wide),
        }

    def outputs(self, parameters: Any, x: jax.Array, between: Between = unchanged) -> jax.Array:
        *lower, last = between.narrow(parameters["recurrent"])
        x = x.astype(last["bias"].dtype)
        for number, layer in enumerate(lower):
            x = between(self._over_time(layer, x, between, number), number)
        top = len(lower)
        x = between(self._over_time(last, x, between, top)[:, -1], top)
        return dense(parameters["dense"], x, between, first=top + 1)

    def _over_time(self, layer: Parameters, x: jax.Array, between: Between, number: int) -> jax.Array:
        """The outputs of one layer at every step: [rows, steps, features] → [rows, steps, units]."""
        start = jnp.zeros((x.shape[0], layer["recurrent"].shape[0]), x.dtype)

        def product(x: jax.Array, matrix: str, gain: int) -> jax.Array:
            x = between.normalized(x @ layer[matrix], number)
            return x * (1.0 + layer["gain"][gain]) if self._normalized else x

        def step(memory: Memory, entering: jax.Array) -> tuple[Memory, jax.Array]:
            memory = self._cell.step(memory, entering, product(memory[0], "recurrent", 1), layer["bias"])
            return memory, memory[0]

        entering = jnp.swapaxes(product(x, "input", 0), 0, 1)
        return jnp.swapaxes(jax.lax.scan(step, (start,) * self._cell.memories, entering)[1], 0, 1)


def build(options: Recurrent, schema: Schema) -> Learner:
    series = Series(schema, "recurrent")
    head = Head(schema, "recurrent")
    norm = options.normalization
    widths = [options.units[-1], *options.hidden, head.width]
    layers = RecurrentLayers(series.count, options.units, widths, CELLS[options.cell], norm)
    network = over_series(layers, series, options.horizon, schema)
    return build_network(network, head, with_prior(options, series, schema), norm)
