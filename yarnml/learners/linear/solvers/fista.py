"""FISTA: accelerated proximal gradient with backtracking, for a smooth loss plus l1 · Σ|w|.

Beck & Teboulle, "A Fast Iterative Shrinkage-Thresholding Algorithm", SIAM J. Imaging Sciences 2, 2009.  The momentum
starts anew when it points uphill (O'Donoghue & Candès, Found. Comput. Math. 15, 2015).

Every pass evaluates two points: the proximal point, which the backtracking judges, and the extrapolated one behind it,
from which the next proximal step starts where the judgement is good.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from yarnml.learners.linear.passes import EPSILON, Found, select

LOWEST = 2.0**-10  # bound on the curvature to begin with; a few passes raise it to what the data need
NOISE = 1e-6  # of the value: differences that float32 sums can't be trusted with


class State(NamedTuple):
    """``anchor``: where the proximal step starts, with the loss and gradient there; ``bound``: on the curvature."""

    point: jax.Array
    value: jax.Array
    proximal: jax.Array
    anchor: jax.Array
    anchor_value: jax.Array
    anchor_gradient: jax.Array
    bound: jax.Array
    momentum: jax.Array
    done: jax.Array


class Fista:
    """``l1`` [n]: the penalty of each parameter.

    Done when a step along the smallest subgradient promises to lower the value by less than ``tolerance``² of it, or
    float32 shows no progress.
    """

    wants_curvature = False

    def __init__(self, l1: jax.Array, tolerance: float) -> None:
        self._l1, self._tolerance = l1, tolerance

    def init(self, start: jax.Array) -> State:
        """The first pass only evaluates the start, twice: an anchor of infinite value takes any proximal point."""
        zero, many = jnp.zeros((), start.dtype), jnp.zeros_like(start)
        one, infinity = zero + 1.0, zero + jnp.inf
        return State(start, infinity, start, start, infinity, many, zero + LOWEST, one, jnp.array(False))

    def trials(self, state: State) -> jax.Array:
        ahead, _ = self._extrapolated(state)
        return jnp.stack([state.proximal, ahead])

    def inverse(self, state: State) -> None:
        return None

    def step(self, state: State, found: Found) -> State:
        good = self._bounded(state, found)
        following = select(good, self._accepted(state, found), state._replace(bound=self._higher(state, found)))
        proximal = self._proximal(following)
        still = jnp.max(jnp.abs(proximal - following.point)) <= EPSILON * jnp.max(jnp.abs(proximal))
        return following._replace(proximal=proximal, done=following.done | still)

    def _proximal(self, state: State) -> jax.Array:
        """The gradient step from the anchor, then every weight nearer to 0 by its penalty."""
        moved = state.anchor - state.anchor_gradient / state.bound
        return jnp.sign(moved) * jnp.maximum(jnp.abs(moved) - self._l1 / state.bound, 0.0)

    def _extrapolated(self, state: State) -> tuple[jax.Array, jax.Array]:
        """(the anchor behind the proximal point, the momentum there)."""
        uphill = (state.anchor - state.proximal) @ (state.proximal - state.point) > 0
        before = jnp.where(uphill, 1.0, state.momentum)
        momentum = 0.5 * (1 + jnp.sqrt(1 + 4 * jnp.square(before)))
        return state.proximal + (before - 1) / momentum * (state.proximal - state.point), momentum

    def _bounded(self, state: State, found: Found) -> jax.Array:
        """Whether the loss lies below its quadratic bound at the proximal point: by values, or by gradients where the
        step is so short that rounding drowns the values (the loss is a parabola there)."""
        step = state.proximal - state.anchor
        room = 0.5 * state.bound * step @ step
        rise = found.values[0] - state.anchor_value - state.anchor_gradient @ step
        turn = (found.gradients[0] - state.anchor_gradient) @ step
        drowned = jnp.abs(rise) <= NOISE * jnp.abs(state.anchor_value)
        return (rise <= room) | (drowned & (turn <= 2 * room))

    def _higher(self, state: State, found: Found) -> jax.Array:
        """The next bound to try: what this step would have needed, but no less than double and no more than 16-fold."""
        step = state.proximal - state.anchor
        needed = 2 * (found.values[0] - state.anchor_value - state.anchor_gradient @ step) / (step @ step)
        return jnp.clip(jnp.where(jnp.isnan(needed), jnp.inf, needed), 2 * state.bound, 16 * state.bound)

    def _accepted(self, state: State, found: Found) -> State:
        (point, anchor), gradient = self.trials(state), found.gradients[0]
        _, momentum = self._extrapolated(state)
        at_zero = jnp.maximum(jnp.abs(gradient) - self._l1, 0.0)
        away = jnp.where(point == 0, at_zero, jnp.abs(gradient + self._l1 * jnp.sign(point)))
        return State(
            *(point, found.values[0], point, anchor, found.values[1], found.gradients[1]),
            *(state.bound, momentum),
            done=away @ away <= self._tolerance**2 * state.bound * jnp.abs(found.values[0]),
        )
