"""What the neural networks share: dense layers, their start, and the loss that fits the label."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from yarnml.data.schema import Schema
from yarnml.errors import JobFileError
from yarnml.learners.base import Key, cross_entropy, squared_error


def init_dense(key: Key, widths: Sequence[int]) -> list[dict[str, jax.Array]]:
    """Layers widths[0] → widths[1] → …; weights normal with variance 2/inputs (He et al., ICCV 2015), biases 0."""
    keys = jax.random.split(key, len(widths) - 1)
    return [
        {"weight": jax.random.normal(k, (a, b)) * jnp.sqrt(2.0 / a), "bias": jnp.zeros(b)}
        for k, a, b in zip(keys, widths[:-1], widths[1:], strict=True)
    ]


def dense(layers: Sequence[dict[str, jax.Array]], x: jax.Array) -> jax.Array:
    """[rows, widths[0]] → [rows, widths[-1]], ReLU between the layers."""
    for layer in layers[:-1]:
        x = jax.nn.relu(x @ layer["weight"] + layer["bias"])
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
