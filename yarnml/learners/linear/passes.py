"""Full passes: one pass over all rows evaluates a loss at the points of a solver, which then chooses the next points.

Methods that need several evaluations for one update, such as a line search, are written as state machines: the use of
an evaluation is decided when its sums are there.  So every step is one map and one reduce, whatever the
method, and a checkpoint may fall between any two evaluations.

All sums are float64: where features are nearly collinear, what tells them apart is a difference of sums that are much
larger.
"""

from functools import partial
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from yarnml.learners.base import Batch, Check, Key, Scores
from yarnml.learners.gradient import Model, is_unpenalised
from yarnml.learners.linear import remarks
from yarnml.learners.linear.inference import Fit, Inference, freedom_of
from yarnml.learners.linear.solvers.base import Evaluation, Solver, SolverState, select
from yarnml.learners.noise import key_of
from yarnml.learners.precision import float64
from yarnml.learners.warm_start import PARAMETERS, Earlier, Started

MANY_COLUMNS = 100
"""Eigenvalues of so many columns take milliseconds: those of more are found once, at the end."""


class CurvedModel(Model, Protocol):
    """A model whose loss has a curvature."""

    def start(self, gradient: Any) -> Any:
        """Parameters to begin with, given the gradient of the mean loss at those of ``init``; None: begin there."""

    def units(self, factor: jax.Array) -> Any:
        """For each parameter what it is multiplied with to count in the data's units; ``factor`` [width]: features'."""

    def curvature(self, parameters: Any, batch: Batch) -> jax.Array:
        """The loss's second derivatives, their expected values, or bounds: [n, n] in ``ravel_pytree`` order."""

    def slope_products(self, parameters: Any, batch: Batch) -> jax.Array:
        """The sum of weight · gradient ⊗ gradient over rows, each of its loss alone, [n, n]."""

    def pearson(self, parameters: Any, batch: Batch) -> jax.Array:
        """Pearson's statistic of the rows."""


class State(NamedTuple):
    """The state between two passes.

    ``parameters``: the model at the solver's point, float32, in the model's own form.
    ``begun``: true after the first pass that had rows.
    ``units`` [n]: what a parameter is multiplied with before a penalty sees it.
    ``loss``: the sum over all rows at the solver's point.
    ``rows``: those with a weight, after the last pass, where they are counted; else None.
    """

    parameters: Any
    solver: Any
    begun: jax.Array
    units: jax.Array
    loss: jax.Array
    rows: jax.Array | None = None


class Sums(NamedTuple):
    """Sums over rows: of an `Evaluation` at the trial points, of total ``weight``.

    In the last pass, where there is one, all are at the solution: ``curvature`` then holds the products of slopes.
    """

    values: jax.Array
    gradients: jax.Array
    curvature: jax.Array | None
    weight: jax.Array
    fit: Fit | None = None


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

    ``inference``: makes the covariance that is exported with the parameters; None for none.
    ``check``: refuses rows that the model can't take.
    ``classifies``: the loss of a row on the wrong side is log 2 or more.
    ``loss_degree``: the power of the error with which the loss grows.
    """

    exact = True

    def __init__(
        self,
        model: CurvedModel,
        solver: Solver,
        penalty: Penalty,
        inference: Inference | None = None,
        check: Check | None = None,
        *,
        classifies: bool = False,
        loss_degree: int = 2,
    ) -> None:
        self.loss_degree = loss_degree
        self._no_best = classifies and not any(penalty)
        self._model = model
        self._solver = solver
        self._penalty = penalty
        self._inference = inference if solver.needs_curvature else None
        self._has_last_pass = inference is not None and solver.needs_curvature and inference.has_last_pass
        self.check = check
        with float64():
            start, self._unravel = ravel_pytree(model.init(key_of(0)))
            self._mask = penalty_mask(self._unravel(start))

    def init(self, key: Key) -> State:
        start = ravel_pytree(self._model.init(key))[0]
        return self._begin(start, jnp.ones_like(start))

    def with_units(self, state: State, factor: jax.Array) -> State:
        """The first state for features that were multiplied by ``factor``, of which penalties shall know nothing."""
        return self._begin(state.solver.point, ravel_pytree(self._model.units(factor))[0])

    def started(self, state: State, earlier: Earlier) -> Started:
        """The solver's first state at the earlier parameters: what it knew of other rows is of no use."""
        like = jax.tree.map(lambda a: a.astype(jnp.float32), self._unravel(state.solver.point))
        point = ravel_pytree(earlier.tree(like, "parameters"))[0].astype(jnp.float64)
        return Started(self._begin(point, state.units)._replace(begun=jnp.array(True)), PARAMETERS)

    def map(self, state: State, batch: Batch) -> Sums:
        def total(point: jax.Array) -> jax.Array:
            return jnp.sum(self.loss(self._unravel(point), batch) * batch.weight)

        batch = Batch(*(a if jnp.issubdtype(a.dtype, jnp.integer) else a.astype(jnp.float64) for a in batch))
        trials = self._solver.trials(state.solver)
        values, gradients = jax.vmap(jax.value_and_grad(total))(trials)
        sums = Sums(values, gradients, None, jnp.sum(batch.weight))
        if not self._solver.needs_curvature:
            return sums
        at_trial = partial(self._model.curvature, self._unravel(trials[0]), batch)
        if self._inference is None or not self._has_last_pass:
            return sums._replace(curvature=at_trial())
        solution = self._unravel(state.solver.point)
        at_solution = partial(self._model.slope_products, solution, self._inference.squared(batch))
        curvature = jax.lax.cond(state.solver.done, at_solution, at_trial)
        return sums._replace(curvature=curvature, fit=self._inference.fit(self._model, solution, batch))

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
        scores = Scores(loss * sums.weight, sums.weight, state.solver.done if self._has_last_pass else solver.done)
        if (start := self._model.start(self._unravel(evaluation.gradients[0]))) is not None:
            first = ~state.begun & (sums.weight > 0)
            solver = select(first, self._solver.init(ravel_pytree(start)[0], self._l1(state.units)), solver)
        following = self._at(solver, sums.weight, state.units)._replace(begun=state.begun | (sums.weight > 0))
        inverse = self._solver.inverse(solver)
        if self._inference is None or sums.fit is None or inverse is None or sums.curvature is None:
            return following, scores
        covariance = self._inference.last(inverse, sums.curvature, sums.fit, weight)
        errors = {"covariance": jnp.where(state.solver.done, covariance, 0.0).astype(jnp.float32)}
        rows = None if following.rows is None else sums.fit.rows
        return following._replace(parameters=following.parameters | errors, rows=rows), scores

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
        if self._inference is not None and inverse is not None:
            parameters["covariance"] = self._inference.early(inverse, solver.value, weight)
        parameters = jax.tree.map(lambda a: a if a.dtype == bool else a.astype(jnp.float32), parameters)
        loss = jnp.where(weight > 0, solver.value * weight, 0.0)
        counts_rows = self._inference is not None and self._has_last_pass and self._inference.analytic
        rows = jnp.zeros(()) if counts_rows else None
        return State(parameters, solver, jnp.array(False), units, loss, rows)

    def remarks(self, state: State, features: list[str], factor: Any) -> list[str]:
        sentences = remarks.on_columns(state.parameters, features, factor)
        if not state.begun:
            return sentences
        weight = state.parameters["weight"]
        inverse = self._solver.inverse(state.solver)
        errors = None
        if inverse is not None and weight.ndim == 1:
            of_weights = np.s_[-len(weight) :]  # biases come before them
            errors = np.asarray(inverse)[of_weights, of_weights]
            if state.solver.done or len(weight) <= MANY_COLUMNS:
                sentences += remarks.on_collinearity(errors, features)
        if not self._no_best:
            return sentences
        loss = float(state.loss)
        error = None
        if self._inference is not None and errors is not None and loss > 0:
            error = np.sqrt(np.diagonal(errors) * state.solver.value / loss)
        return sentences + remarks.on_separation(weight, error, features, loss, converged=bool(state.solver.done))

    def loss(self, parameters: Any, batch: Batch) -> jax.Array:
        return self._model.loss(parameters, batch.x, batch.y)

    def predict(self, parameters: Any, x: jax.Array) -> jax.Array:
        return self._model.predict(parameters, x)

    def parameters(self, state: State) -> Any:
        inverse = self._solver.inverse(state.solver)
        if self._inference is None or inverse is None or not self._inference.uses_t:
            return state.parameters
        return state.parameters | {"freedom": freedom_of(inverse, state.loss, state.solver.value, state.rows)}


def penalty_mask(parameters: Any) -> jax.Array:
    """A mask over all parameters [n]: 1 for those that penalties see, 0 for biases."""
    return ravel_pytree(
        jax.tree_util.tree_map_with_path(
            lambda path, a: jnp.full(a.shape, 0.0 if is_unpenalised(path) else 1.0), parameters
        )
    )[0]
