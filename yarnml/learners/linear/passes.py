"""Full passes: one pass over all rows evaluates a loss where a solver asks, then the solver decides where next.

Methods that need several evaluations for one update, such as a line search, are written as state machines: what an
evaluation is good for is decided when its sums are there.  So every step is one map and one reduce, whatever the
method, and a checkpoint may fall between any two evaluations.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from yarnml.learners.base import Batch, Check, Key, Scores
from yarnml.learners.gradient import Model, is_bias

EPSILON = float(np.finfo(np.float32).eps)


class Curved(Model, Protocol):
    """A model whose loss has a curvature."""

    def start(self, gradient: Any) -> Any:
        """Parameters to begin with, given the gradient of the mean loss at those of ``init``; None: begin there."""

    def curvature(self, parameters: Any, batch: Batch) -> jax.Array:
        """[n, n] in ``ravel_pytree`` order: the loss's second derivatives, what is expected of them, or a bound."""


class Found(NamedTuple):
    """What a pass says of the solver's trial points: means over all rows, with the l2 penalty.

    values [k]; gradients [k, n]; curvature [n, n] at the first of the points, for a solver that wants it.
    """

    values: jax.Array
    gradients: jax.Array
    curvature: jax.Array | None


class Point(Protocol):
    """What every solver's state has: the newest ``point`` [n] it took, the ``value`` there, whether it is ``done``."""

    @property
    def point(self) -> jax.Array: ...

    @property
    def value(self) -> jax.Array: ...

    @property
    def done(self) -> jax.Array: ...


class Solver(Protocol):
    """A method of minimisation over vectors [n], as pure functions of its state."""

    @property
    def wants_curvature(self) -> bool: ...

    def init(self, start: jax.Array) -> Any:
        """The state (a `Point`) before the first pass."""

    def trials(self, state: Any) -> jax.Array:
        """[k, n]: where the next pass evaluates."""

    def step(self, state: Any, found: Found) -> Any:
        """The next state, given what the pass found at the trial points."""

    def inverse(self, state: Any) -> jax.Array | None:
        """[n, n]: of the curvature at the point, where the solver has it."""


class State(NamedTuple):
    """``parameters``: the model at the solver's point, in the model's own form; ``begun``: after the first pass."""

    parameters: Any
    solver: Any
    begun: jax.Array


class Sums(NamedTuple):
    values: jax.Array
    gradients: jax.Array
    curvature: jax.Array | None
    weight: jax.Array


Covariance = Callable[[jax.Array, jax.Array, jax.Array], jax.Array]
"""(inverse of the mean curvature [n, n], mean loss, weight of all rows) → covariance of the parameters [n, n]."""


class FullPasses:
    """A model with a solver, as a learner, which is done when the solver is.

    Minimises Σ weight·loss / Σ weight + l2/2 · Σ w², the first sums over all rows, the last over all parameters but
    biases.  ``covariance`` makes what is exported as that of the parameters; ``check`` refuses rows that the model
    can't take.
    """

    def __init__(
        self, model: Curved, solver: Solver, l2: float, covariance: Covariance | None = None, check: Check | None = None
    ) -> None:
        self._model, self._solver, self._covariance, self.check = model, solver, covariance, check
        start, self._unravel = ravel_pytree(model.init(jax.random.key(0)))
        self._l2 = l2 * penalised(self._unravel(start))

    def init(self, key: Key) -> State:
        return self._at(self._solver.init(ravel_pytree(self._model.init(key))[0]), jnp.zeros(()))

    def map(self, state: State, batch: Batch) -> Sums:
        def total(point: jax.Array) -> jax.Array:
            return jnp.sum(self.loss(self._unravel(point), batch) * batch.weight)

        trials = self._solver.trials(state.solver)
        values, gradients = jax.vmap(jax.value_and_grad(total))(trials)
        wanted = self._solver.wants_curvature
        curvature = self._model.curvature(self._unravel(trials[0]), batch) if wanted else None
        return Sums(values, gradients, curvature, jnp.sum(batch.weight))

    def update(self, state: State, sums: Sums) -> tuple[State, Scores]:
        weight, trials = jnp.where(sums.weight > 0, sums.weight, 1.0), self._solver.trials(state.solver)
        found = Found(
            sums.values / weight + 0.5 * jnp.square(trials) @ self._l2,
            sums.gradients / weight + trials * self._l2,
            None if sums.curvature is None else sums.curvature / weight + jnp.diag(self._l2),
        )
        following: Point = select(state.solver.done, state.solver, self._solver.step(state.solver, found))
        loss = following.value - 0.5 * jnp.square(following.point) @ self._l2
        scores = Scores(loss * sums.weight, sums.weight, following.done)
        if (start := self._model.start(self._unravel(found.gradients[0]))) is not None:
            first = ~state.begun & (sums.weight > 0)
            following = select(first, self._solver.init(ravel_pytree(start)[0]), following)
        return self._at(following, sums.weight)._replace(begun=state.begun | (sums.weight > 0)), scores

    def _at(self, solver: Any, weight: jax.Array) -> State:
        parameters, inverse = self._unravel(solver.point), self._solver.inverse(solver)
        if self._covariance is not None and inverse is not None:
            parameters["covariance"] = self._covariance(inverse, solver.value, weight)
        return State(parameters, solver, jnp.array(False))

    def loss(self, parameters: Any, batch: Batch) -> jax.Array:
        return self._model.loss(parameters, batch.x, batch.y)

    def predict(self, parameters: Any, x: jax.Array) -> jax.Array:
        return self._model.predict(parameters, x)

    def parameters(self, state: State) -> Any:
        return state.parameters


def penalised(parameters: Any) -> jax.Array:
    """[n]: 1 for every parameter that penalties see, 0 for biases."""
    return ravel_pytree(
        jax.tree_util.tree_map_with_path(lambda path, a: jnp.full(a.shape, 0.0 if is_bias(path) else 1.0), parameters)
    )[0]


def select(first: jax.Array, a: Any, b: Any) -> Any:
    """``a`` where ``first`` is true, else ``b``: NaN and infinity in the other one do no harm."""
    return jax.tree.map(lambda x, y: jnp.where(first, x, y), a, b)
