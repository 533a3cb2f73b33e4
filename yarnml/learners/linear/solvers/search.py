"""Descent along one direction after another, each with a line search, one evaluation a pass.

A step t along direction d from x is taken when it lowers the value enough and the slope has flattened: the weak Wolfe
conditions (Nocedal & Wright, "Numerical Optimization", 2006, chapter 3), with a bracket that grows tenfold until it
holds such a step and is halved after that.  Near the minimum float32 can't tell two values apart; there the approximate
Wolfe conditions (Hager & Zhang, SIAM J. Optimization 16, 2005) judge by slopes, which keep their digits.
"""

from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp

from yarnml.learners.linear.passes import EPSILON, Found, select

ENOUGH = 0.1  # of the decrease that the slope at the start promises
STEEP = 0.9  # of the slope at the start: a step ten times as long would do better
PATIENCE = 50  # steps in a row that do not lower the value in float32; many, since slopes still tell the way then
NOISE = 1e-5  # of the value: differences that float32 sums can't be trusted with


class Direction(Protocol):
    """What tells descent methods apart: the direction from a point."""

    @property
    def wants_curvature(self) -> bool: ...

    def init(self, start: jax.Array) -> Any:
        """Memory before the first point."""

    def next(self, memory: Any, moved: jax.Array, changed: jax.Array, gradient: jax.Array, curvature: Any) -> Any:
        """(memory, direction [n]) at a new point: how it was reached, how the gradient changed, gradient, curvature."""

    def inverse(self, memory: Any) -> jax.Array | None:
        """[n, n]: of the curvature at the newest point, where the direction comes from it."""


class State(NamedTuple):
    """``slope``: of the value along ``direction`` at ``point``; the wanted step lies between ``low`` and ``high``,
    which is 0 while it is not known."""

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
    """Done when the next step promises to lower the value by less than ``tolerance``² of it, or float32 shows no more.

    With the first, predictions of a least-squares model would change by less than ``tolerance`` of the typical error.
    """

    def __init__(self, direction: Direction, tolerance: float) -> None:
        self._direction, self._tolerance = direction, tolerance
        self.wants_curvature = direction.wants_curvature

    def init(self, start: jax.Array) -> State:
        """A search that takes whatever value the first pass finds at the start."""
        zero, many = jnp.zeros((), start.dtype), jnp.zeros_like(start)
        memory = self._direction.init(start)
        return State(start, zero + jnp.inf, many, many, memory, zero, zero, zero, zero + 1.0, zero, jnp.array(False))

    def trials(self, state: State) -> jax.Array:
        return (state.point + state.step * state.direction)[None]

    def inverse(self, state: State) -> jax.Array | None:
        return self._direction.inverse(state.memory)

    def step(self, state: State, found: Found) -> State:
        value, gradient = found.values[0], found.gradients[0]
        slope = gradient @ state.direction
        enough = value <= state.value + ENOUGH * state.step * state.slope
        level = (value <= state.value + NOISE * jnp.abs(state.value)) & (slope <= (2 * ENOUGH - 1) * state.slope)
        short = (enough | level) & (slope < STEEP * state.slope)
        accepted = (enough | level) & ~short
        following = select(accepted, self._arrived(state, found), _bracketed(state, short))
        still = jnp.all(self.trials(following)[0] == following.point) | (following.step < EPSILON)
        return following._replace(done=following.done | still)

    def _arrived(self, state: State, found: Found) -> State:
        """A new point, and the direction from there."""
        (point,), value, gradient = self.trials(state), found.values[0], found.gradients[0]
        moved, changed = point - state.point, gradient - state.gradient
        memory, direction = self._direction.next(state.memory, moved, changed, gradient, found.curvature)
        slope, zero = gradient @ direction, jnp.zeros_like(value)
        lower = (value < state.value - 4 * EPSILON * jnp.abs(state.value)) | jnp.isinf(state.value)
        idle = jnp.where(lower, zero, state.idle + 1)
        done = (-slope <= self._tolerance**2 * jnp.abs(value)) | (idle >= PATIENCE)
        return State(point, value, gradient, direction, memory, slope, zero, zero, zero + 1.0, idle, done)


def _bracketed(state: State, short: jax.Array) -> State:
    """The next step to try: ten times the last while only lower bounds are known, then the middle of the bracket."""
    low, high = jnp.where(short, state.step, state.low), jnp.where(short, state.high, state.step)
    return state._replace(low=low, high=high, step=jnp.where(high == 0, 10 * low, 0.5 * (low + high)))
