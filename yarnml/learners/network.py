"""What the neural networks share: dense layers, dropout between layers, and the loss that fits the label."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import jax
import jax.numpy as jnp

from yarnml.data.schema import Schema
from yarnml.errors import JobFileError
from yarnml.learners.base import Key, Learner, cross_entropy, squared_error
from yarnml.learners.gradient import GradientDescent, weight_decay
from yarnml.learners.noise import dropped, layer_keys
from yarnml.learners.optimizers import build_optimizer
from yarnml.learners.options import Cnn, EmbeddingBag, Mlp, Recurrent, Transformer

Between = Callable[[jax.Array, int], jax.Array]
"""(outputs of a hidden layer [rows, …], its number) → what the next layer gets."""


def unchanged(x: jax.Array, layer: int) -> jax.Array:
    return x


def init_dense(key: Key, widths: Sequence[int]) -> list[dict[str, jax.Array]]:
    """Layers widths[0] → widths[1] → …; weights normal with variance 2/inputs (He et al., ICCV 2015), biases 0."""
    keys = jax.random.split(key, len(widths) - 1)
    return [
        {"weight": jax.random.normal(k, (a, b)) * jnp.sqrt(2.0 / a), "bias": jnp.zeros(b)}
        for k, a, b in zip(keys, widths[:-1], widths[1:], strict=True)
    ]


def dense(
    layers: Sequence[dict[str, jax.Array]], x: jax.Array, between: Between = unchanged, first: int = 0
) -> jax.Array:
    """[rows, widths[0]] → [rows, widths[-1]]; between the layers ReLU, then ``between``, numbered from ``first`` on."""
    for number, layer in enumerate(layers[:-1], first):
        x = between(jax.nn.relu(x @ layer["weight"] + layer["bias"]), number)
    return x @ layers[-1]["weight"] + layers[-1]["bias"]


class Head:
    """From a network's last layer to losses and predictions: softmax for classes, identity for a number."""

    def __init__(self, schema: Schema, kind: str) -> None:
        if schema.label_type == "class" and schema.outputs < 2:
            raise JobFileError(f"learner.kind {kind} needs two classes or more; '{schema.label}' has {schema.outputs}.")
        self._classes = schema.label_type == "class"
        self.width = schema.outputs if self._classes else 1

    def predict(self, outputs: jax.Array) -> jax.Array:
        return jax.nn.softmax(outputs) if self._classes else outputs[:, 0]

    def loss(self, outputs: jax.Array, y: jax.Array) -> Any:
        return cross_entropy(outputs, y) if self._classes else squared_error(outputs[:, 0], y)


class Layers(Protocol):
    """A network without its head."""

    def init(self, key: Key) -> Any: ...

    def outputs(self, parameters: Any, x: jax.Array, between: Between = unchanged) -> jax.Array:
        """x [rows, *shape] → [rows, head.width], with ``between`` after each hidden layer, numbered apart."""


class Network:
    """Layers and head as a model for gradient descent."""

    def __init__(self, layers: Layers, head: Head, dropout: float) -> None:
        self._layers, self._head, self._dropout = layers, head, dropout
        self.init = layers.init

    def predict(self, parameters: Any, x: jax.Array) -> jax.Array:
        return self._head.predict(self._layers.outputs(parameters, x))

    def loss(self, parameters: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        return self._head.loss(self._layers.outputs(parameters, x), y)

    def noisy_loss(self, parameters: Any, x: jax.Array, y: jax.Array, keys: jax.Array) -> jax.Array:
        """The loss with dropout; a key for every row."""

        def between(x: jax.Array, layer: int) -> jax.Array:
            return dropped(x, layer_keys(keys, layer), self._dropout)

        return self._head.loss(self._layers.outputs(parameters, x, between), y)


def build_network(layers: Layers, head: Head, options: Mlp | Cnn | Recurrent | EmbeddingBag | Transformer) -> Learner:
    """The learner that trains a network by gradient descent."""
    network = Network(layers, head, options.dropout)
    optimizer, penalty = build_optimizer(options.optimizer, options.clip_norm), weight_decay(options.l2)
    return GradientDescent(network, optimizer, penalty, noisy=network.noisy_loss if options.dropout else None)
