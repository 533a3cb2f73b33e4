"""Neural networks, their common part: dense layers, steps between layers, and the way from layers to a learner."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp

from yarnml.job.learners import NetworkOptions, Normalization
from yarnml.learners.base import Batch, Key, Learner
from yarnml.learners.gradient import GradientDescent, weight_decay
from yarnml.learners.groups import optimizer_of
from yarnml.learners.networks import normalization
from yarnml.learners.networks.augmentation import Augmentation, by_row, row_before
from yarnml.learners.networks.head import Head
from yarnml.learners.networks.normalization import Deviations, GhostBatch, Moments, Running, by_moments, layer_norm
from yarnml.learners.noise import dropout, layer_keys

Parameters = dict[str, jax.Array]
Function = Callable[[jax.Array, int], jax.Array]
"""(an array [rows, …, width], the number of a hidden layer) → the same shape."""


def _same(x: jax.Array, layer: int) -> jax.Array:
    return x


def _layer_norm(x: jax.Array, layer: int) -> jax.Array:
    return layer_norm(x)


class Between:
    """The steps between the layers of a network, in one pass through it.

    ``normalized``: normalises what a hidden layer computes, before its gain and bias.
    ``passed``: makes the inputs of the next layer of a hidden layer's outputs; a call does that.
    ``type``: of the numbers that hidden layers compute.
    """

    def __init__(self, normalized: Function = _same, passed: Function = _same, type: Any = jnp.float32) -> None:
        self.normalized = normalized
        self._passed = passed
        self._type = type

    def __call__(self, x: jax.Array, layer: int) -> jax.Array:
        return self._passed(x, layer)

    def narrow(self, parameters: Any) -> Any:
        """The parameters of hidden layers, float32, as numbers to compute with."""
        return jax.tree.map(lambda a: a.astype(self._type), parameters)


unchanged = Between()


def init_dense(key: Key, widths: Sequence[int], normalized: bool = False) -> list[Parameters]:
    """Parameters of layers widths[0] → widths[1] → …: weights normal, variance 2/(inputs + outputs), biases 0.

    Glorot and Bengio, "Understanding the Difficulty of Training Deep Feedforward Neural Networks", AISTATS 2010, for
    the variance.  2/inputs, made for deep networks, begins with steeper functions where inputs are few, and ends worse.
    ``normalized``: all layers but the last have a gain, 0, by which they scale beyond 1.
    """
    keys = jax.random.split(key, len(widths) - 1)
    layers = [
        {"weight": jax.random.normal(k, (a, b)) * jnp.sqrt(2.0 / (a + b)), "bias": jnp.zeros(b)}
        for k, a, b in zip(keys, widths[:-1], widths[1:], strict=True)
    ]
    for layer in layers[:-1] if normalized else []:
        layer["gain"] = jnp.zeros_like(layer["bias"])
    return layers


def dense(layers: Sequence[Parameters], x: jax.Array, between: Between = unchanged, first: int = 0) -> jax.Array:
    """Pass x through dense layers with ReLU between them: [rows, widths[0]] → float32 [rows, widths[-1]].

    ``first``: the number of the first layer, for ``between``.
    """
    *hidden, last = layers
    for number, layer in enumerate(between.narrow(hidden), first):
        x = between.normalized(x.astype(layer["weight"].dtype) @ layer["weight"], number)
        x = between(jax.nn.relu(shifted(layer, x)), number)
    return x.astype(jnp.float32) @ last["weight"] + last["bias"]


def shifted(layer: Parameters, x: jax.Array) -> jax.Array:
    """Multiply x [rows, …, width] by 1 + the layer's gain, where it has one, and add its bias."""
    return x * (1.0 + layer["gain"]) + layer["bias"] if "gain" in layer else x + layer["bias"]


def with_last_bias(parameters: Any, bias: jax.Array) -> Any:
    """A network's parameters with another bias of the last layer: of dense layers, or of those named ``dense``."""
    if isinstance(parameters, dict):
        return parameters | {"dense": with_last_bias(parameters["dense"], bias)}
    *hidden, last = parameters
    return [*hidden, last | {"bias": bias}]


class Layers(Protocol):
    """A network without its head."""

    def init(self, key: Key) -> Any: ...

    def outputs(self, parameters: Any, x: jax.Array, between: Between = unchanged) -> jax.Array:
        """The last layer's outputs: x [rows, *shape] → [rows, head.width], all float32.

        ``between`` acts at each hidden layer, by a number of its own.
        """


class Normalized(NamedTuple):
    """A network's parameters, with the moments by which each hidden layer is normalised in predictions."""

    layers: Any
    moments: list[Moments]


class Network:
    """Layers and head as a model for gradient descent.

    ``hidden``: the widths of the hidden layers, by number, which batch normalisation must know.
    ``augmentation``: of the rows in training; None for none.
    """

    def __init__(
        self,
        layers: Layers,
        head: Head,
        options: NetworkOptions,
        norm: Normalization,
        hidden: Sequence[int],
        augmentation: Augmentation | None,
    ) -> None:
        self._layers = layers
        self._head = head
        self._dropout = options.dropout
        self._type = getattr(jnp, options.precision)
        self._by_row = _layer_norm if norm == "layer" else _same
        self._normalized = hidden if norm == "batch" else None
        self.init = layers.init
        self._augmentation = augmentation
        self.noisy = options.dropout > 0 or augmentation is not None

    def at_prior(self, parameters: Any, prior: jax.Array) -> Any:
        return with_last_bias(parameters, self._head.bias(prior))

    def predict(self, parameters: Any, x: jax.Array) -> jax.Array:
        return self._head.predict(self._outputs(parameters, x))

    def loss(self, parameters: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        return self._head.loss(self._outputs(parameters, x), y)

    def _outputs(self, parameters: Any, x: jax.Array) -> jax.Array:
        if not isinstance(parameters, Normalized):
            return self._layers.outputs(parameters, x, Between(self._by_row, type=self._type))
        layers, moments = parameters
        between = Between(lambda x, layer: by_moments(x, moments[layer]), type=self._type)
        return self._layers.outputs(layers, x, between)

    def start(self) -> Running | None:
        return None if self._normalized is None else normalization.start(self._normalized)

    def training_loss(
        self, parameters: Any, statistics: Running | None, batch: Batch, keys: jax.Array | None
    ) -> tuple[jax.Array, list[Deviations] | None]:
        """The loss with dropout, where there are keys, and normalised by the batch, where there are statistics."""
        ghost = GhostBatch(batch.weight, statistics) if statistics else None
        passed = partial(self._drop, keys) if self._dropout and keys is not None else _same
        x = batch.x
        share = None
        if self._augmentation and keys is not None:
            x = self._augmentation.changed(x, keys)
            share = self._augmentation.own_share(keys, batch.weight)
        x = x if share is None else by_row(share, x)
        outputs = self._layers.outputs(parameters, x, Between(ghost or self._by_row, passed, self._type))
        loss = self._head.loss(outputs, batch.y)
        if share is not None:
            loss = share * loss + (1 - share) * self._head.loss(outputs, row_before(batch.y))
        return loss, ghost.sums if ghost else None

    def _drop(self, keys: jax.Array, x: jax.Array, layer: int) -> jax.Array:
        return dropout(x, layer_keys(keys, layer), self._dropout)

    def follow(self, statistics: Running | None, sums: list[Deviations] | None, weight: jax.Array) -> Running | None:
        return normalization.follow(statistics, sums, weight) if statistics and sums is not None else None

    def complete(self, parameters: Any, statistics: Running | None) -> Any:
        return Normalized(parameters, statistics.layers) if statistics else parameters

    def restart(self, complete: Any, statistics: Running | None) -> tuple[Any, Running | None]:
        if not isinstance(complete, Normalized):
            return complete, statistics
        return complete.layers, normalization.known(complete.moments)


def build_network(
    layers: Layers,
    head: Head,
    options: NetworkOptions,
    norm: Normalization = "none",
    hidden: Sequence[int] = (),
    augmentation: Augmentation | None = None,
) -> Learner:
    """The learner that trains a network by gradient descent; see `Network`."""
    network = Network(layers, head, options, norm, hidden, augmentation)
    optimizer = optimizer_of(options, network.init)
    penalty = weight_decay(options.l2)
    return GradientDescent(network, optimizer, penalty, training=network, loss_degree=head.loss_degree)
