"""Gradient descent for any model: sums are (gradient, loss, weight), the update is an optax chain."""

from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import optax

from yarnml.learners.base import Batch, Check, Key, Scores
from yarnml.learners.noise import Noise, first_noise
from yarnml.learners.prior import StartsAtPrior
from yarnml.learners.warm_start import PARAMETERS, WITH_OPTIMIZER, Earlier, Started


class Model(Protocol):
    """A model that gradient descent can train; ``parameters`` is any pytree of arrays."""

    def init(self, key: Key) -> Any: ...

    def loss(self, parameters: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        """The loss of every row [rows], to which weights and padding can be applied."""

    def predict(self, parameters: Any, x: jax.Array) -> jax.Array: ...


class Training(Protocol):
    """The loss that a model learns from, where that is another one than it is evaluated by.

    ``noisy``: true where it takes random numbers.  Statistics, a pytree of arrays, are its knowledge of the rows of
    earlier steps; None where it needs none.
    """

    noisy: bool

    def start(self) -> Any:
        """The statistics before the first step."""

    def training_loss(
        self, parameters: Any, statistics: Any, batch: Batch, keys: jax.Array | None
    ) -> tuple[jax.Array, Any]:
        """The loss of every row, [rows]; and sums over the rows, for `follow`.

        ``keys``: one for each row, for its random numbers; None for a model that is not noisy.
        """

    def follow(self, statistics: Any, sums: Any, weight: jax.Array) -> Any:
        """The next statistics, given the sums over all rows of a step, of total ``weight``."""

    def complete(self, parameters: Any, statistics: Any) -> Any:
        """The parameters that the model's ``loss`` and ``predict`` take."""

    def restart(self, complete: Any, statistics: Any) -> tuple[Any, Any]:
        """Take complete parameters apart again, for a warm start; ``statistics``: those of `start`."""


class State(NamedTuple):
    """The state between two steps of gradient descent.

    ``optimizer``: optax's state.  ``noise`` and ``statistics``: for a `Training`, else None.
    ``outer``: the state of the optimizer between `yarnml.learners.local_steps`, else None.
    """

    parameters: Any
    optimizer: Any
    noise: Noise | None = None
    statistics: Any = None
    outer: Any = None


class Sums(NamedTuple):
    """Sums over rows: ``gradient`` and ``loss``, both times weight, ``weight``, and a `Training`'s ``statistics``."""

    gradient: Any
    loss: jax.Array
    weight: jax.Array
    statistics: Any = None


class WeightDecay:
    """The penalty strength/2 · Σ w² over all parameter arrays but those of `is_unpenalised`."""

    def __init__(self, strength: float) -> None:
        self.strength = strength

    def __call__(self, parameters: Any) -> jax.Array:
        leaves = jax.tree_util.tree_leaves_with_path(parameters)
        weights = [leaf for path, leaf in leaves if not is_unpenalised(path)]
        return jnp.float32(0.5 * self.strength) * sum(jnp.sum(jnp.square(w)) for w in weights)


class GradientDescent:
    """A model with an optimizer, as a learner.

    Minimises Σ weight·loss / Σ weight + ``penalty(parameters)``, both sums over all rows of a step.

    ``check``: refuses rows that the model can't take.
    ``training``: the loss that is minimised in place of the model's.
    ``loss_degree``: the power of the error with which the loss grows.
    ``takes_prior``: whether it can begin at the shares of the classes.
    """

    def __init__(
        self,
        model: Model,
        optimizer: optax.GradientTransformationExtraArgs,
        penalty: WeightDecay | None = None,
        check: Check | None = None,
        training: Training | None = None,
        loss_degree: int = 2,
    ) -> None:
        self._model = model
        self.optimizer = optimizer
        self._penalty = penalty
        self.check = check
        self._training = training
        self.loss_degree = loss_degree
        self.takes_prior = isinstance(model, StartsAtPrior)

    @property
    def l2(self) -> float:
        """The strength of the penalty."""
        return self._penalty.strength if self._penalty else 0.0

    def init(self, key: Key, prior: jax.Array | None = None) -> State:
        parameters = self._model.init(key)
        if prior is not None and isinstance(self._model, StartsAtPrior):
            parameters = self._model.at_prior(parameters, prior)
        training = self._training
        state = State(parameters, self.optimizer.init(parameters))
        if training is None:
            return state
        return state._replace(noise=first_noise(key) if training.noisy else None, statistics=training.start())

    def started(self, state: State, earlier: Earlier) -> Started:
        if earlier.is_model:
            complete = earlier.tree(self.parameters(state), "parameters")
            if self._training is None:
                return Started(state._replace(parameters=complete), PARAMETERS)
            parameters, statistics = self._training.restart(complete, state.statistics)
            return Started(state._replace(parameters=parameters, statistics=statistics), PARAMETERS)
        learnt = {"parameters": state.parameters, "statistics": state.statistics}
        state = state._replace(**earlier.tree(learnt))
        if not jax.tree.leaves(state.optimizer):
            return Started(state, PARAMETERS)
        try:
            return Started(state._replace(optimizer=earlier.tree(state.optimizer, "optimizer")), WITH_OPTIMIZER)
        except (KeyError, ValueError):  # another optimizer, or another cut into groups
            return Started(state, PARAMETERS)

    def map(self, state: State, batch: Batch) -> Sums:
        keys = state.noise.keys(batch.x) if state.noise else None

        def total(parameters: Any) -> tuple[jax.Array, Any]:
            if self._training is None:
                return jnp.sum(self.loss(parameters, batch) * batch.weight), None
            losses, sums = self._training.training_loss(parameters, state.statistics, batch, keys)
            return jnp.sum(losses * batch.weight), sums

        (loss, sums), gradient = jax.value_and_grad(total, has_aux=True)(state.parameters)
        return Sums(gradient, loss, jnp.sum(batch.weight), sums)

    def update(self, state: State, sums: Sums) -> tuple[State, Scores]:
        weight = jnp.where(sums.weight > 0, sums.weight, 1.0)  # a step may hold nothing but rows of weight 0
        value = sums.loss / weight
        gradient = jax.tree.map(lambda g: g / weight, sums.gradient)
        if self._penalty is not None:
            more, slope = jax.value_and_grad(self._penalty)(state.parameters)
            value = value + more
            gradient = jax.tree.map(jnp.add, gradient, slope)
        steps, optimizer = self.optimizer.update(gradient, state.optimizer, state.parameters, value=value)
        parameters = optax.apply_updates(state.parameters, steps)
        state = self.followed(state, sums)
        return state._replace(parameters=parameters, optimizer=optimizer), Scores(sums.loss, sums.weight)

    def followed(self, state: State, sums: Sums) -> State:
        """The state with its next noise and statistics, which hang on no parameter."""
        noise = state.noise.next_step() if state.noise else None
        statistics = self._training.follow(state.statistics, sums.statistics, sums.weight) if self._training else None
        return state._replace(noise=noise, statistics=statistics)

    def loss(self, parameters: Any, batch: Batch) -> jax.Array:
        return self._model.loss(parameters, batch.x, batch.y)

    def predict(self, parameters: Any, x: jax.Array) -> jax.Array:
        return self._model.predict(parameters, x)

    def parameters(self, state: State) -> Any:
        return self._training.complete(state.parameters, state.statistics) if self._training else state.parameters


def weight_decay(strength: float) -> WeightDecay | None:
    """The penalty of this strength; None for strength 0."""
    return WeightDecay(strength) if strength else None


def usual_l2(rows: float) -> float:
    """The strength of a prior of variance 1 for every weight, beside the mean loss of so many rows; 0: not known."""
    return 1.0 / rows if rows else 0.0


def is_unpenalised(path: tuple[Any, ...]) -> bool:
    """True for a parameter array that penalties leave alone: its last key is ``bias`` or ``autoregression``."""
    return jax.tree_util.keystr(path[-1:], simple=True) in ("bias", "autoregression")
