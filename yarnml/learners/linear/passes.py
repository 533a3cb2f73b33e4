"""Full passes: one pass over all rows evaluates a loss at the points of a solver, which then chooses the next points.

Methods that need several evaluations for one update, such as a line search, are written as state machines: the use of
an evaluation is decided when its sums are there.  So every step is one map and one reduce, whatever the
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


class CurvedModel(Model, Protocol):
    """A model whose loss has a curvature."""

    def start(self, gradient: Any) -> Any:
        """Parameters to begin with, given the gradient of the mean loss at those of ``init``; None: begin there."""

    def curvature(self, parameters: Any, batch: Batch) -> jax.Array:
        """The loss's second derivatives, their expected values, or bounds: [n, n] in ``ravel_pytree`` order."""


class Evaluation(NamedTuple):
    """The result of a pass at the solver's trial points: means over all rows, with the l2 penalty.

    ``values`` [k] and ``gradients`` [k, n].
    ``curvature`` [n, n]: at the first of the points; None for a solver that does not need it.
    """

    values: jax.Array
    gradients: jax.Array
    curvature: jax.Array | None


class SolverState(Protocol):
    """The part of a solver's state that all solvers have.

    ``point`` [n]: the newest that the solver took; ``value``: the loss there; ``done``: true when it has converged.
    """

    @property
    def point(self) -> jax.Array: ...

    @property
    def value(self) -> jax.Array: ...

    @property
    def done(self) -> jax.Array: ...


class Solver(Protocol):
    """A method of minimisation over vectors [n], as pure functions of its state."""

    @property
    def needs_curvature(self) -> bool: ...

    def init(self, start: jax.Array) -> Any:
        """The state (a `SolverState`) before the first pass."""

    def trials(self, state: Any) -> jax.Array:
        """The points at which the next pass evaluates, [k, n]."""

    def step(self, state: Any, evaluation: Evaluation) -> Any:
        """The next state, given the evaluation of the trial points."""

    def inverse(self, state: Any) -> jax.Array | None:
        """The inverse of the curvature at the point, [n, n]; None for a solver that does not have it."""


class State(NamedTuple):
    """The state between two passes.

    ``parameters``: the model at the solver's point, in the model's own form.
    ``begun``: true after the first pass that had rows.
    """

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
    biases.

    ``covariance``: makes the covariance that is exported with the parameters; None for none.
    ``check``: refuses rows that the model can't take.
    """

    def __init__(
        self,
        model: CurvedModel,
        solver: Solver,
        l2: float,
        covariance: Covariance | None = None,
        check: Check | None = None,
    ) -> None:
        self._model = model
        self._solver = solver
        self._covariance = covariance
        self.check = check
        start, self._unravel = ravel_pytree(model.init(jax.random.key(0)))
        self._l2 = l2 * penalty_mask(self._unravel(start))

    def init(self, key: Key) -> State:
        return self._at(self._solver.init(ravel_pytree(self._model.init(key))[0]), jnp.zeros(()))

    def map(self, state: State, batch: Batch) -> Sums:
        def total(point: jax.Array) -> jax.Array:
            return jnp.sum(self.loss(self._unravel(point), batch) * batch.weight)

        trials = self._solver.trials(state.solver)
        values, gradients = jax.vmap(jax.value_and_grad(total))(trials)
        needs_curvature = self._solver.needs_curvature
        curvature = self._model.curvature(self._unravel(trials[0]), batch) if needs_curvature else None
        return Sums(values, gradients, curvature, jnp.sum(batch.weight))

    def update(self, state: State, sums: Sums) -> tuple[State, Scores]:
        weight = jnp.where(sums.weight > 0, sums.weight, 1.0)
        trials = self._solver.trials(state.solver)
        evaluation = Evaluation(
            sums.values / weight + 0.5 * jnp.square(trials) @ self._l2,
            sums.gradients / weight + trials * self._l2,
            None if sums.curvature is None else sums.curvature / weight + jnp.diag(self._l2),
        )
        solver: SolverState = select(state.solver.done, state.solver, self._solver.step(state.solver, evaluation))
        loss = solver.value - 0.5 * jnp.square(solver.point) @ self._l2
        scores = Scores(loss * sums.weight, sums.weight, solver.done)
        if (start := self._model.start(self._unravel(evaluation.gradients[0]))) is not None:
            first = ~state.begun & (sums.weight > 0)
            solver = select(first, self._solver.init(ravel_pytree(start)[0]), solver)
        return self._at(solver, sums.weight)._replace(begun=state.begun | (sums.weight > 0)), scores

    def _at(self, solver: Any, weight: jax.Array) -> State:
        """The state at the point of a solver's state, not yet begun; ``weight``: of all rows."""
        parameters = self._unravel(solver.point)
        inverse = self._solver.inverse(solver)
        if self._covariance is not None and inverse is not None:
            parameters["covariance"] = self._covariance(inverse, solver.value, weight)
        return State(parameters, solver, jnp.array(False))

    def loss(self, parameters: Any, batch: Batch) -> jax.Array:
        return self._model.loss(parameters, batch.x, batch.y)

    def predict(self, parameters: Any, x: jax.Array) -> jax.Array:
        return self._model.predict(parameters, x)

    def parameters(self, state: State) -> Any:
        return state.parameters


def penalty_mask(parameters: Any) -> jax.Array:
    """A mask over all parameters [n]: 1 for those that penalties see, 0 for biases."""
    return ravel_pytree(
        jax.tree_util.tree_map_with_path(lambda path, a: jnp.full(a.shape, 0.0 if is_bias(path) else 1.0), parameters)
    )[0]


def select(first: jax.Array, a: Any, b: Any) -> Any:
    """Choose ``a`` where ``first`` is true, else ``b``: NaN and infinity in the other one do no harm."""
    return jax.tree.map(lambda x, y: jnp.where(first, x, y), a, b)
