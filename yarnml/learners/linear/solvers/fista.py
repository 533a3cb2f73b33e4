"""FISTA: accelerated proximal gradient with backtracking, for a smooth loss plus l1 · Σ|w|.

Beck & Teboulle, "A Fast Iterative Shrinkage-Thresholding Algorithm", SIAM J. Imaging Sciences 2, 2009.  The momentum
starts anew when it points uphill (O'Donoghue & Candès, Found. Comput. Math. 15, 2015).

Every pass evaluates two points: the proximal point, which the backtracking judges, and the extrapolated one behind it,
from which the next proximal step starts where the judgement is good.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from yarnml.learners.linear.solvers.base import EPSILON, Evaluation, select

FIRST_BOUND = 2.0**-10
"""The bound on the curvature to begin with; a few passes raise it to what the data need."""
VALUE_ROUNDING = 1e-13
"""The part of a value that sums can't be trusted with."""


class State(NamedTuple):
    """The newest point, and the next proximal step.

    ``proximal`` [n]: the point that the next pass judges.
    ``anchor`` [n]: where the proximal step starts, with the loss and gradient there.
    ``bound``: on the curvature; the step is as long as its inverse.
    ``l1`` [n]: the penalty of each parameter's size.
    """

    point: jax.Array
    value: jax.Array
    proximal: jax.Array
    anchor: jax.Array
    anchor_value: jax.Array
    anchor_gradient: jax.Array
    bound: jax.Array
    momentum: jax.Array
    l1: jax.Array
    done: jax.Array


class Fista:
    """Accelerated proximal gradient.

    Done when a step along the smallest subgradient promises to lower the value by less than ``tolerance``² of it, or
    rounding shows no progress.
    """

    needs_curvature = False

    def __init__(self, tolerance: float) -> None:
        self._tolerance = tolerance

    def init(self, start: jax.Array, l1: jax.Array) -> State:
        """The first pass only evaluates the start, twice: an anchor of infinite value takes any proximal point."""
        zero = jnp.zeros((), start.dtype)
        many = jnp.zeros_like(start)
        one = zero + 1.0
        infinity = zero + jnp.inf
        return State(start, infinity, start, start, infinity, many, zero + FIRST_BOUND, one, l1, jnp.array(False))

    def trials(self, state: State) -> jax.Array:
        ahead, _ = self._extrapolate(state)
        return jnp.stack([state.proximal, ahead])

    def inverse(self, state: State) -> None:
        return None

    def step(self, state: State, evaluation: Evaluation) -> State:
        bounded = self._is_bounded(state, evaluation)
        accepted = self._accept(state, evaluation)
        retried = state._replace(bound=self._higher_bound(state, evaluation))
        following = select(bounded, accepted, retried)
        proximal = self._proximal(following)
        still = jnp.max(jnp.abs(proximal - following.point)) <= EPSILON * jnp.max(jnp.abs(proximal))
        return following._replace(proximal=proximal, done=following.done | still)

    def _proximal(self, state: State) -> jax.Array:
        """The gradient step from the anchor, then every weight nearer to 0 by its penalty."""
        moved = state.anchor - state.anchor_gradient / state.bound
        return jnp.sign(moved) * jnp.maximum(jnp.abs(moved) - state.l1 / state.bound, 0.0)

    def _extrapolate(self, state: State) -> tuple[jax.Array, jax.Array]:
        """Go beyond the proximal point, by the momentum: (the next anchor, the momentum there)."""
        uphill = (state.anchor - state.proximal) @ (state.proximal - state.point) > 0
        before = jnp.where(uphill, 1.0, state.momentum)
        momentum = 0.5 * (1 + jnp.sqrt(1 + 4 * jnp.square(before)))
        return state.proximal + (before - 1) / momentum * (state.proximal - state.point), momentum

    def _is_bounded(self, state: State, evaluation: Evaluation) -> jax.Array:
        """True where the loss lies below its quadratic bound at the proximal point.

        Values tell, or gradients where the step is so short that rounding drowns the values: the loss is a parabola
        there.
        """
        step = state.proximal - state.anchor
        room = 0.5 * state.bound * step @ step
        rise = evaluation.values[0] - state.anchor_value - state.anchor_gradient @ step
        turn = (evaluation.gradients[0] - state.anchor_gradient) @ step
        drowned = jnp.abs(rise) <= VALUE_ROUNDING * jnp.abs(state.anchor_value)
        return (rise <= room) | (drowned & (turn <= 2 * room))

    def _higher_bound(self, state: State, evaluation: Evaluation) -> jax.Array:
        """The next bound to try: what this step would have needed, but no less than double and no more than 16-fold."""
        step = state.proximal - state.anchor
        needed = 2 * (evaluation.values[0] - state.anchor_value - state.anchor_gradient @ step) / (step @ step)
        return jnp.clip(jnp.where(jnp.isnan(needed), jnp.inf, needed), 2 * state.bound, 16 * state.bound)

    def _accept(self, state: State, evaluation: Evaluation) -> State:
        """Take the proximal point; the next step starts at the extrapolated one."""
        trials = self.trials(state)
        gradient = evaluation.gradients[0]
        point, anchor = trials
        _, momentum = self._extrapolate(state)
        at_zero = jnp.maximum(jnp.abs(gradient) - state.l1, 0.0)
        away = jnp.where(point == 0, at_zero, jnp.abs(gradient + state.l1 * jnp.sign(point)))
        return State(
            point=point,
            value=evaluation.values[0],
            proximal=point,
            anchor=anchor,
            anchor_value=evaluation.values[1],
            anchor_gradient=evaluation.gradients[1],
            bound=state.bound,
            momentum=momentum,
            l1=state.l1,
            done=away @ away <= self._tolerance**2 * state.bound * jnp.abs(evaluation.values[0]),
        )
