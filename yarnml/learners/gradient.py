"""Gradient descent for any model: sums are (gradient, loss, weight), the update is an optax chain."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import optax

from yarnml.learners.base import Batch, Check, Key, Scores
from yarnml.learners.noise import Noise, noise


class Model(Protocol):
    """What gradient descent needs of a model; ``parameters`` is any pytree of arrays."""

    def init(self, key: Key) -> Any: ...

    def loss(self, parameters: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        """[rows]: one number per row, so that weights and padding can be applied."""

    def predict(self, parameters: Any, x: jax.Array) -> jax.Array: ...


Noisy = Callable[[Any, jax.Array, jax.Array, jax.Array], jax.Array]
"""(parameters, x, y, keys [rows]) → the loss of every row [rows], in training, with a key for its random numbers."""


class State(NamedTuple):
    """``noise``: of a model that learns with random numbers, else None."""

    parameters: Any
    optimizer: Any
    noise: Noise | None = None


class Sums(NamedTuple):
    gradient: Any
    loss: jax.Array
    weight: jax.Array


class GradientDescent:
    """A model with an optimizer, as a learner.

    Minimises Σ weight·loss / Σ weight + ``penalty(parameters)``, both sums over all rows of a step.  ``check`` refuses
    rows that the model can't take.  ``noisy``: what is minimised in place of the model's loss, where it takes random
    numbers.
    """

    def __init__(
        self,
        model: Model,
        optimizer: optax.GradientTransformationExtraArgs,
        penalty: Callable[[Any], jax.Array] | None = None,
        check: Check | None = None,
        noisy: Noisy | None = None,
    ) -> None:
        self._model, self._optimizer, self._penalty, self.check = model, optimizer, penalty, check
        self._noisy = noisy

    def init(self, key: Key) -> State:
        parameters = self._model.init(key)
        return State(parameters, self._optimizer.init(parameters), noise(key) if self._noisy else None)

    def map(self, state: State, batch: Batch) -> Sums:
        def total(parameters: Any) -> jax.Array:
            return jnp.sum(self._training_loss(parameters, batch, state.noise) * batch.weight)

        loss, gradient = jax.value_and_grad(total)(state.parameters)
        return Sums(gradient, loss, jnp.sum(batch.weight))

    def update(self, state: State, sums: Sums) -> tuple[State, Scores]:
        weight = jnp.where(sums.weight > 0, sums.weight, 1.0)  # a step may hold nothing but rows of weight 0
        value, gradient = sums.loss / weight, jax.tree.map(lambda g: g / weight, sums.gradient)
        if self._penalty is not None:
            more, slope = jax.value_and_grad(self._penalty)(state.parameters)
            value, gradient = value + more, jax.tree.map(jnp.add, gradient, slope)
        steps, optimizer = self._optimizer.update(gradient, state.optimizer, state.parameters, value=value)
        parameters = optax.apply_updates(state.parameters, steps)
        following = state.noise.following() if state.noise else None
        return State(parameters, optimizer, following), Scores(sums.loss, sums.weight)

    def _training_loss(self, parameters: Any, batch: Batch, noise: Noise | None) -> jax.Array:
        if self._noisy is None or noise is None:
            return self.loss(parameters, batch)
        return self._noisy(parameters, batch.x, batch.y, noise.keys(batch.x))

    def loss(self, parameters: Any, batch: Batch) -> jax.Array:
        return self._model.loss(parameters, batch.x, batch.y)

    def predict(self, parameters: Any, x: jax.Array) -> jax.Array:
        return self._model.predict(parameters, x)

    def parameters(self, state: State) -> Any:
        return state.parameters


def weight_decay(strength: float) -> Callable[[Any], jax.Array] | None:
    """strength/2 · Σ w² over all parameter arrays but those under a key named ``bias``; None for strength 0."""
    if not strength:
        return None

    def penalty(parameters: Any) -> jax.Array:
        leaves = jax.tree_util.tree_leaves_with_path(parameters)
        weights = [leaf for path, leaf in leaves if not is_bias(path)]
        return jnp.float32(0.5 * strength) * sum(jnp.sum(jnp.square(w)) for w in weights)

    return penalty


def is_bias(path: tuple[Any, ...]) -> bool:
    """Whether a parameter array is one that penalties leave alone: its last key is ``bias``."""
    return jax.tree_util.keystr(path[-1:], simple=True) == "bias"
