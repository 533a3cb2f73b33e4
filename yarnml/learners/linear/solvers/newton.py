"""Newton's method with a line search; with expected curvature it is Fisher scoring, also called IRLS.

Nocedal & Wright, "Numerical Optimization", 2006, section 3.3; McCullagh & Nelder, "Generalized Linear Models", 1989.
"""

from typing import Any

import jax
import jax.numpy as jnp

from yarnml.learners.linear.solvers.inverse import inverse


class Newton:
    """The direction -(curvature)⁻¹ · gradient."""

    needs_curvature = True

    def init(self, start: jax.Array) -> jax.Array:
        return jnp.zeros((len(start), len(start)), start.dtype)

    def next(self, memory: Any, moved: jax.Array, changed: jax.Array, gradient: jax.Array, curvature: Any) -> Any:
        inverted = inverse(curvature)
        return inverted, -inverted @ gradient

    def inverse(self, memory: jax.Array) -> jax.Array:
        return memory
