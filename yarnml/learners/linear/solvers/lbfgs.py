"""L-BFGS: curvature from how the gradient changed over the newest moves (Nocedal & Wright, 2006, algorithm 7.4)."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

PAIRS = 10
"""Moves that are remembered."""


class Memory(NamedTuple):
    """Moves and changes of the gradient [PAIRS, n], the newest last; rows of 0 where there is none yet."""

    moves: jax.Array
    changes: jax.Array


class Lbfgs:
    """The direction of the limited-memory BFGS method; the first one has length 1."""

    needs_curvature = False

    def init(self, start: jax.Array) -> Memory:
        none = jnp.zeros((PAIRS, len(start)), start.dtype)
        return Memory(none, none)

    def next(self, memory: Memory, moved: jax.Array, changed: jax.Array, gradient: jax.Array, curvature: Any) -> Any:
        convex = moved @ changed > 1e-7 * jnp.linalg.norm(moved) * jnp.linalg.norm(changed)
        moves = jnp.where(convex, jnp.concatenate([memory.moves[1:], moved[None]]), memory.moves)
        changes = jnp.where(convex, jnp.concatenate([memory.changes[1:], changed[None]]), memory.changes)
        return Memory(moves, changes), -_two_loops(moves, changes, gradient)

    def inverse(self, memory: Memory) -> None:
        return None


def _two_loops(moves: jax.Array, changes: jax.Array, gradient: jax.Array) -> jax.Array:
    """An approximation of (curvature)⁻¹ · gradient."""
    product = jnp.sum(moves * changes, axis=1)
    known = product > 0
    rho = jnp.where(known, 1 / jnp.where(known, product, 1.0), 0.0)

    def back(q: jax.Array, pair: Any) -> Any:
        move, change, rho = pair
        alpha = rho * move @ q
        return q - alpha * change, alpha

    def forth(r: jax.Array, pair: Any) -> Any:
        move, change, rho, alpha = pair
        return r + move * (alpha - rho * change @ r), None

    q, alphas = jax.lax.scan(back, gradient, (moves, changes, rho), reverse=True)
    length = jnp.linalg.norm(gradient)
    unit = 1 / jnp.where(length > 0, length, 1.0)
    r = q * jnp.where(known[-1], product[-1] / jnp.where(known[-1], changes[-1] @ changes[-1], 1.0), unit)
    return jax.lax.scan(forth, r, (moves, changes, rho, alphas))[0]
