"""The inverse of a matrix of curvature, by sweeping (Goodnight, "A Tutorial on the SWEEP Operator", 1979).

Written out for XLA rather than handed to LAPACK, so that its bits do not depend on the threads of a BLAS.
"""

import jax
import jax.numpy as jnp

MIN_PIVOT = 1e-12
"""The least part of a column's variance that the columns before it must leave unexplained: a few roundings, squared, of
features that are float32."""


def inverse(matrix: jax.Array) -> jax.Array:
    """The inverse of a positive semi-definite matrix [n, n]; rows and columns that earlier ones explain are 0."""
    diagonal = jnp.diagonal(matrix)
    scale = jnp.where(diagonal > 0, jax.lax.rsqrt(jnp.where(diagonal > 0, diagonal, 1.0)), 0.0)

    def sweep(k: jax.Array, swept: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        a, used = swept
        row = a[k]
        column = a[:, k]
        pivot = a[k, k]
        after = a - jnp.outer(column, row) / pivot
        after = after.at[k].set(row / pivot).at[:, k].set(-column / pivot).at[k, k].set(1 / pivot)
        usable = pivot > MIN_PIVOT
        return jnp.where(usable, after, a), used.at[k].set(usable)

    start = matrix * jnp.outer(scale, scale), jnp.zeros(len(matrix), bool)
    a, used = jax.lax.fori_loop(0, len(matrix), sweep, start)
    return jnp.where(jnp.outer(used, used), a, 0.0) * jnp.outer(scale, scale)
