"""Full passes: one pass over all rows evaluates a loss at the points of a solver, which then chooses the next points.

Methods that need several evaluations for one update, such as a line search, are written as state machines: the use of
an evaluation is decided when its sums are there.  So every step is one map and one reduce, whatever the
method, and a checkpoint may fall between any two evaluations.

All sums are float64: where features are nearly collinear, what tells them apart is a difference of sums that are much
larger.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from yarnml.learners.base import Batch, Check, Key, Scores
from yarnml.learners.gradient import Model, is_bias
from yarnml.learners.linear import remarks
from yarnml.learners.precision import float64

EPSILON = float(np.finfo(np.float64).eps)


class CurvedModel(Model, Protocol):
    """A model whose loss has a curvature."""

    def start(self, gradient: Any) -> Any:
        """Parameters to begin with, given the gradient of the mean loss at those of ``init``; None: begin there."""

    def units(self, factor: jax.Array) -> Any:
        """For each parameter what it is multiplied with to count in the data's units; ``factor`` [width]: features'."""

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

    def init(self, start: jax.Array, l1: jax.Array) -> Any:
        """The state (a `SolverState`) before the first pass; ``l1`` [n]: the penalty of each parameter's size."""

    def trials(self, state: Any) -> jax.Array:
        """The points at which the next pass evaluates, [k, n]."""

    def step(self, state: Any, evaluation: Evaluation) -> Any:
        """The next state, given the evaluation of the trial points."""

    def inverse(self, state: Any) -> jax.Array | None:
        """The inverse of the curvature at the point, [n, n]; None for a solver that does not have it."""


class State(NamedTuple):
    """The state between two passes.

    ``parameters``: the model at the solver's point, float32, in the model's own form.
    ``begun``: true after the first pass that had rows.
    ``units`` [n]: what a parameter is multiplied with before a penalty sees it.
    ``loss``: the sum over all rows at the solver's point.
    """

    parameters: Any
    solver: Any
    begun: jax.Array
    units: jax.Array
    loss: jax.Array


class Sums(NamedTuple):
    values: jax.Array
    gradients: jax.Array
    curvature: jax.Array | None
    weight: jax.Array


Covariance = Callable[[jax.Array, jax.Array, jax.Array], jax.Array]
"""(inverse of the mean curvature [n, n], mean loss, weight of all rows) → covariance of the parameters [n, n]."""


class Penalty(NamedTuple):
    """The strengths of l1 · Σ |w| + l2/2 · Σ w², over all parameters but biases.

    ``prior``: another l2, by the weight of all rows, that sees the weights of scaled features.
    """

    l1: float
    l2: float
    prior: float = 0.0


class FullPasses:
    """A model with a solver, as a learner, which is done when the solver is.

    Minimises Σ weight·loss / Σ weight + ``penalty``, the first sums over all rows.

    ``covariance``: makes the covariance that is exported with the parameters; None for none.
    ``check``: refuses rows that the model can't take.
    ``classifies``: the loss of a row on the wrong side is log 2 or more.
    """

    exact = True

    def __init__(
        self,
        model: CurvedModel,
        solver: Solver,
        penalty: Penalty,
        covariance: Covariance | None = None,
        check: Check | None = None,
        *,
        classifies: bool = False,
    ) -> None:
        self._no_best = classifies and not any(penalty)
        self._model = model
        self._solver = solver
        self._penalty = penalty
        self._covariance = covariance
        self.check = check
        with float64():
            start, self._unravel = ravel_pytree(model.init(jax.random.key(0)))
            self._mask = penalty_mask(self._unravel(start))

    def init(self, key: Key) -> State:
        start = ravel_pytree(self._model.init(key))[0]
        return self._begin(start, jnp.ones_like(start))

    def with_units(self, state: State, factor: jax.Array) -> State:
        """The first state for features that were multiplied by ``factor``, of which penalties shall know nothing."""
        return self._begin(state.solver.point, ravel_pytree(self._model.units(factor))[0])

    def map(self, state: State, batch: Batch) -> Sums:
        def total(point: jax.Array) -> jax.Array:
            return jnp.sum(self.loss(self._unravel(point), batch) * batch.weight)

        batch = Batch(*(a if jnp.issubdtype(a.dtype, jnp.integer) else a.astype(jnp.float64) for a in batch))
        trials = self._solver.trials(state.solver)
        values, gradients = jax.vmap(jax.value_and_grad(total))(trials)
        needs_curvature = self._solver.needs_curvature
        curvature = self._model.curvature(self._unravel(trials[0]), batch) if needs_curvature else None
        return Sums(values, gradients, curvature, jnp.sum(batch.weight))

    def update(self, state: State, sums: Sums) -> tuple[State, Scores]:
        weight = jnp.where(sums.weight > 0, sums.weight, 1.0)
        trials = self._solver.trials(state.solver)
        l2 = (self._penalty.l2 * jnp.square(state.units) + self._penalty.prior / weight) * self._mask
        evaluation = Evaluation(
            sums.values / weight + 0.5 * jnp.square(trials) @ l2,
            sums.gradients / weight + trials * l2,
            None if sums.curvature is None else sums.curvature / weight + jnp.diag(l2),
        )
        solver: SolverState = select(state.solver.done, state.solver, self._solver.step(state.solver, evaluation))
        loss = solver.value - 0.5 * jnp.square(solver.point) @ l2
        scores = Scores(loss * sums.weight, sums.weight, solver.done)
        if (start := self._model.start(self._unravel(evaluation.gradients[0]))) is not None:
            first = ~state.begun & (sums.weight > 0)
            solver = select(first, self._solver.init(ravel_pytree(start)[0], self._l1(state.units)), solver)
        return self._at(solver, sums.weight, state.units)._replace(begun=state.begun | (sums.weight > 0)), scores

    def _begin(self, start: jax.Array, units: jax.Array) -> State:
        return self._at(self._solver.init(start, self._l1(units)), jnp.zeros(()), units)

    def _l1(self, units: jax.Array) -> jax.Array:
        return self._penalty.l1 * self._mask * units

    def _at(self, solver: Any, weight: jax.Array, units: jax.Array) -> State:
        """The state at the point of a solver's state, not yet begun; ``weight``: of all rows."""
        parameters = self._unravel(solver.point)
        inverse = self._solver.inverse(solver)
        if inverse is not None:
            unused = (jnp.diagonal(inverse) == 0) & (solver.point == 0) & (weight > 0)
            weights = self._unravel(jnp.where(unused, 1.0, 0.0))["weight"]
            parameters["left_out"] = jnp.all(weights.reshape(len(weights), -1) > 0, axis=1)
        if self._covariance is not None and inverse is not None:
            parameters["covariance"] = self._covariance(inverse, solver.value, weight)
        parameters = jax.tree.map(lambda a: a if a.dtype == bool else a.astype(jnp.float32), parameters)
        loss = jnp.where(weight > 0, solver.value * weight, 0.0)
        return State(parameters, solver, jnp.array(False), units, loss)

    def remarks(self, state: State, features: list[str], factor: Any) -> list[str]:
        named = remarks.on_columns(state.parameters, features, factor)
        if not (self._no_best and state.begun):
            return named
        converged = bool(state.solver.done)
        return named + remarks.on_separation(state.parameters, features, float(state.loss), converged=converged)

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
