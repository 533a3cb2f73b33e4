"""The head of a network: the loss that fits the label, and predictions."""

import math

import jax
import jax.numpy as jnp

from yarnml.data.schema import Schema
from yarnml.errors import JobFileError
from yarnml.learners.base import binary_cross_entropy, cross_entropy, squared_error
from yarnml.learners.prior import log_odds, log_shares


class Head:
    """Losses and predictions out of a network's last layer: softmax for classes, identity for numbers.

    Of several labels there is an output for each, of classes the log odds of the second, and losses are added up; so
    are those of several quantiles, whose predictions are put in order.
    """

    def __init__(self, schema: Schema, kind: str) -> None:
        if schema.label_type == "class" and schema.outputs < 2:
            raise JobFileError(f"learner.kind {kind} needs two classes or more; '{schema.label}' has {schema.outputs}.")
        if schema.label_type == "class" and schema.quantiles:
            raise JobFileError(
                f"learner.quantile is for a number, but '{schema.label}' is a class label; set data.label_type: "
                "number, or leave learner.quantile out."
            )
        self._task = schema.task
        self._quantiles = schema.quantiles
        shape = (schema.outputs,) if schema.task == "class" else schema.label_shape or (max(1, len(schema.quantiles)),)
        self.width = math.prod(shape)
        self.loss_degree = 1 if schema.quantiles else 2

    def bias(self, prior: jax.Array) -> jax.Array:
        """The last layer's bias, of which `predict` makes the prior: [*labels, classes] → [width]."""
        return log_shares(prior) if self._task == "class" else log_odds(prior)

    def predict(self, outputs: jax.Array) -> jax.Array:
        match self._task:
            case "class":
                return jax.nn.softmax(outputs)
            case "multilabel":
                return jax.nn.sigmoid(outputs)
            case "multioutput" | "text":
                return outputs
            case "quantiles":
                return jnp.sort(outputs, axis=1)
            case _:
                return outputs[:, 0]

    def loss(self, outputs: jax.Array, y: jax.Array) -> jax.Array:
        match self._task:
            case "class":
                return cross_entropy(outputs, y)
            case "multilabel":
                return jnp.sum(binary_cross_entropy(outputs, y), axis=1)
            case "multioutput":
                return jnp.sum(squared_error(outputs, y), axis=1)
            case "quantiles":
                return jnp.sum(_pinball(y[:, None] - outputs, jnp.array(self._quantiles, jnp.float32)), axis=1)
            case "text":
                return outputs[:, 0]
            case _:
                return squared_error(outputs[:, 0], y)


def _pinball(error: jax.Array, share: jax.Array) -> jax.Array:
    """The loss of a quantile: errors above weigh its share, those below the rest."""
    return jnp.maximum(share * error, (share - 1) * error)
