"""Descent along one direction after another, each with a line search, one evaluation a pass.

A step t along direction d from x is taken when it lowers the value enough and the slope has flattened: the weak Wolfe
conditions (Nocedal & Wright, "Numerical Optimization", 2006, chapter 3), with a bracket that grows tenfold until it
holds such a step and is halved after that.  Near the minimum rounding can't tell two values apart; there the
approximate Wolfe conditions (Hager & Zhang, SIAM J. Optimization 16, 2005) judge by slopes, which keep their digits.
"""

from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp

from yarnml.learners.linear.solvers.base import EPSILON, Evaluation, select

ENOUGH_DECREASE = 0.1
"""The least decrease of a step, as a part of the one that the slope at the start promises."""
STEEP_SLOPE = 0.9
"""A slope that is still this part of the one at the start is steep: a step ten times as long would do better."""
MAX_IDLE_STEPS = 50
"""Steps in a row that do not lower the value; many, since slopes still tell the way then."""
VALUE_ROUNDING = 1e-12
"""The part of a value that sums can't be trusted with."""


class Direction(Protocol):
    """The choice of a direction from a point, by which descent methods differ."""

    @property
    def needs_curvature(self) -> bool: ...

    def init(self, start: jax.Array) -> Any:
        """Memory before the first point."""

    def next(self, memory: Any, moved: jax.Array, changed: jax.Array, gradient: jax.Array, curvature: Any) -> Any:
        """Choose the direction from a new point: (next memory, direction [n]).

        ``moved`` [n]: from the point before; ``changed`` [n]: the gradient, over that move.
        ``gradient`` [n], ``curvature`` [n, n]: at the new point; curvature None unless it is needed.
        """

    def inverse(self, memory: Any) -> jax.Array | None:
        """The inverse of the curvature at the newest point, [n, n]; None where the direction does not come from it."""


class State(NamedTuple):
    """A point and the search along the direction from it.

    ``slope``: of the value along ``direction`` at ``point``.
    ``low``, ``high``: the step to take lies between them; ``high`` is 0 while it is not known.
    ``step``: to try next.
    ``idle``: steps in a row that did not lower the value.
    """

    point: jax.Array
    value: jax.Array
    gradient: jax.Array
    direction: jax.Array
    memory: Any
    slope: jax.Array
    low: jax.Array
    high: jax.Array
    step: jax.Array
    idle: jax.Array
    done: jax.Array


class LineSearch:
    """Descent by line searches along the directions of ``direction``.

    Done when the next step promises to lower the value by less than ``tolerance``² of it, or rounding shows no more.
    With the first, predictions of a least-squares model would change by less than ``tolerance`` of the typical error.
    """

    def __init__(self, direction: Direction, tolerance: float) -> None:
        self._direction = direction
        self._tolerance = tolerance
        self.needs_curvature = direction.needs_curvature

    def init(self, start: jax.Array, l1: jax.Array) -> State:
        """A search that takes whatever value the first pass finds at the start."""
        zero = jnp.zeros((), start.dtype)
        many = jnp.zeros_like(start)
        memory = self._direction.init(start)
        return State(start, zero + jnp.inf, many, many, memory, zero, zero, zero, zero + 1.0, zero, jnp.array(False))

    def trials(self, state: State) -> jax.Array:
        return (state.point + state.step * state.direction)[None]

    def inverse(self, state: State) -> jax.Array | None:
        return self._direction.inverse(state.memory)

    def step(self, state: State, evaluation: Evaluation) -> State:
        value = evaluation.values[0]
        gradient = evaluation.gradients[0]
        slope = gradient @ state.direction
        enough = value <= state.value + ENOUGH_DECREASE * state.step * state.slope
        same_value = value <= state.value + VALUE_ROUNDING * jnp.abs(state.value)
        level = same_value & (slope <= (2 * ENOUGH_DECREASE - 1) * state.slope)
        short = (enough | level) & (slope < STEEP_SLOPE * state.slope)
        accepted = (enough | level) & ~short
        following = select(accepted, self._arrive(state, evaluation), _bracket(state, short))
        still = jnp.all(self.trials(following)[0] == following.point) | (following.step < EPSILON)
        return following._replace(done=following.done | still)

    def _arrive(self, state: State, evaluation: Evaluation) -> State:
        """Take the trial point, and choose the direction from there."""
        trials = self.trials(state)
        value = evaluation.values[0]
        gradient = evaluation.gradients[0]
        (point,) = trials
        moved = point - state.point
        changed = gradient - state.gradient
        memory, direction = self._direction.next(state.memory, moved, changed, gradient, evaluation.curvature)
        slope = gradient @ direction
        zero = jnp.zeros_like(value)
        lower = (value < state.value - 4 * EPSILON * jnp.abs(state.value)) | jnp.isinf(state.value)
        idle = jnp.where(lower, zero, state.idle + 1)
        done = (-slope <= self._tolerance**2 * jnp.abs(value)) | (idle >= MAX_IDLE_STEPS)
        return State(point, value, gradient, direction, memory, slope, zero, zero, zero + 1.0, idle, done)


def _bracket(state: State, short: jax.Array) -> State:
    """Choose the next step to try: ten times the last while only lower bounds are known, then the middle.

    ``short``: true where the step of the state is too short, else it is too long.
    """
    low = jnp.where(short, state.step, state.low)
    high = jnp.where(short, state.high, state.step)
    return state._replace(low=low, high=high, step=jnp.where(high == 0, 10 * low, 0.5 * (low + high)))
