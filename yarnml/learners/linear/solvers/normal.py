"""The normal equations: a least-squares problem is solved by the sums of one pass.

A second pass refines the solution: its gradient is taken from the residuals, so it corrects what rounding lost in X'X.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from yarnml.learners.linear.solvers.base import EPSILON, Evaluation
from yarnml.learners.linear.solvers.inverse import inverse


class State(NamedTuple):
    """The newest ``point`` [n], the ``value`` there, and the ``inverse`` [n, n] of the newest curvature."""

    point: jax.Array
    value: jax.Array
    inverse: jax.Array
    done: jax.Array


class NormalEquations:
    """Newton's step for a function that is quadratic, where it is exact but for rounding."""

    needs_curvature = True

    def init(self, start: jax.Array, l1: jax.Array) -> State:
        nothing = jnp.zeros((len(start), len(start)), start.dtype)
        return State(start, jnp.array(jnp.inf, start.dtype), nothing, jnp.array(False))

    def trials(self, state: State) -> jax.Array:
        return state.point[None]

    def inverse(self, state: State) -> jax.Array:
        return state.inverse

    def step(self, state: State, evaluation: Evaluation) -> State:
        assert evaluation.curvature is not None
        gradient = evaluation.gradients[0]
        inverted = inverse(evaluation.curvature)
        step = inverted @ gradient
        point = state.point - step
        done = jnp.max(jnp.abs(step)) <= EPSILON * jnp.max(jnp.abs(point))
        return State(point, evaluation.values[0] - 0.5 * gradient @ step, inverted, done)
