"""The protocol of a solver: a method of minimisation as pure functions of its state, one evaluation a pass."""

from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np

EPSILON = float(np.finfo(np.float64).eps)


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


def select(first: jax.Array, a: Any, b: Any) -> Any:
    """Choose ``a`` where ``first`` is true, else ``b``: NaN and infinity in the other one do no harm."""
    return jax.tree.map(lambda x, y: jnp.where(first, x, y), a, b)
