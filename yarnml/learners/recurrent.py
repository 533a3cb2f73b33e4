"""Recurrent networks for rows that are sequences: layers of plain, LSTM or GRU cells, then a perceptron.

Elman, "Finding Structure in Time", Cognitive Science, 1990; Hochreiter and Schmidhuber, "Long Short-Term Memory",
Neural Computation, 1997, with the forget gate of Gers et al., 2000; Cho et al., "Learning Phrase Representations using
RNN Encoder-Decoder", EMNLP 2014.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from yarnml.data.schema import Schema
from yarnml.errors import JobFileError
from yarnml.learners.base import Key, Learner
from yarnml.learners.network import Between, Head, build_network, dense, init_dense, unchanged
from yarnml.learners.options import Recurrent

Parameters = dict[str, jax.Array]


class Cell(NamedTuple):
    """``gates``: blocks of units in each matrix.  ``step``: (layer, memory, x @ input [rows, gates · units]) → memory.

    Memory is (output, …), each [rows, units]; ``memories`` of them.
    """

    gates: int
    memories: int
    step: Callable[[Parameters, tuple[jax.Array, ...], jax.Array], tuple[jax.Array, ...]]


def _plain(layer: Parameters, memory: tuple[jax.Array, ...], x: jax.Array) -> tuple[jax.Array, ...]:
    return (jnp.tanh(x + memory[0] @ layer["recurrent"] + layer["bias"]),)


def _lstm(layer: Parameters, memory: tuple[jax.Array, ...], x: jax.Array) -> tuple[jax.Array, ...]:
    output, cell = memory
    enter, forget, new, leave = jnp.split(x + output @ layer["recurrent"] + layer["bias"], 4, axis=1)
    cell = jax.nn.sigmoid(forget + 1.0) * cell + jax.nn.sigmoid(enter) * jnp.tanh(new)  # remembers at first
    return jax.nn.sigmoid(leave) * jnp.tanh(cell), cell


def _gru(layer: Parameters, memory: tuple[jax.Array, ...], x: jax.Array) -> tuple[jax.Array, ...]:
    """The reset gate acts behind the recurrent matrix, so that one product serves all gates."""
    xs, hs = jnp.split(x + layer["bias"], 3, axis=1), jnp.split(memory[0] @ layer["recurrent"], 3, axis=1)
    keep, reset = (jax.nn.sigmoid(a + b) for a, b in zip(xs[:2], hs[:2], strict=True))
    return (keep * memory[0] + (1.0 - keep) * jnp.tanh(xs[2] + reset * hs[2]),)


CELLS = {"rnn": Cell(1, 1, _plain), "lstm": Cell(4, 2, _lstm), "gru": Cell(3, 1, _gru)}


class RecurrentLayers:
    """x [rows, steps, features] → [rows, head.width], from the last step's output of the last layer."""

    def __init__(self, features: int, units: Sequence[int], dense: Sequence[int], cell: Cell) -> None:
        self._widths, self._dense, self._cell = [features, *units], dense, cell

    def init(self, key: Key) -> Any:
        first, second = jax.random.split(key)
        pairs = list(zip(self._widths[:-1], self._widths[1:], strict=True))
        keys = jax.random.split(first, len(pairs))
        layers = [self._layer(k, a, b) for k, (a, b) in zip(keys, pairs, strict=True)]
        return {"recurrent": layers, "dense": init_dense(second, self._dense)}

    def _layer(self, key: Key, inputs: int, units: int) -> Parameters:
        """Weights normal, with variance 1/inputs and 1/units; biases 0."""
        first, second = jax.random.split(key)
        wide = self._cell.gates * units
        return {
            "input": jax.random.normal(first, (inputs, wide)) / jnp.sqrt(float(inputs)),
            "recurrent": jax.random.normal(second, (units, wide)) / jnp.sqrt(float(units)),
            "bias": jnp.zeros(wide),
        }

    def outputs(self, parameters: Any, x: jax.Array, between: Between = unchanged) -> jax.Array:
        *lower, last = parameters["recurrent"]
        for number, layer in enumerate(lower):
            x = between(self._over_time(layer, x), number)
        x = between(self._over_time(last, x)[:, -1], len(lower))
        return dense(parameters["dense"], x, between, first=len(lower) + 1)

    def _over_time(self, layer: Parameters, x: jax.Array) -> jax.Array:
        """[rows, steps, features] → [rows, steps, units]."""
        start = jnp.zeros((x.shape[0], layer["recurrent"].shape[0]))

        def step(memory: tuple[jax.Array, ...], entering: jax.Array) -> tuple[tuple[jax.Array, ...], jax.Array]:
            memory = self._cell.step(layer, memory, entering)
            return memory, memory[0]

        entering = jnp.swapaxes(x @ layer["input"], 0, 1)
        return jnp.swapaxes(jax.lax.scan(step, (start,) * self._cell.memories, entering)[1], 0, 1)


def build(options: Recurrent, schema: Schema) -> Learner:
    shape = schema.shape
    if shape is None or len(shape) != 2:
        found = list(shape) if shape else "none"
        raise JobFileError(f"learner.kind recurrent needs data.shape: [steps, features], found {found}.")
    head = Head(schema, "recurrent")
    widths = [options.units[-1], *options.hidden, head.width]
    return build_network(RecurrentLayers(shape[1], options.units, widths, CELLS[options.cell]), head, options)
