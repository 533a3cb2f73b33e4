"""Normal equations, one small system for every owner of ratings: Σ second · f fᵀ and Σ first · f over its ratings.

f are the factors of what is rated.  Ratings lie in chunks of one owner each, so that a chunk is a small matrix product
and most of the sum needs no scattering.  A system is packed as a row: the lower triangle, the right side, Σ second.
"""

import math
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

EXACT = jax.lax.Precision.HIGHEST  # float32 on GPUs too
CHUNK = 16  # ratings
BLOCK = 1024  # chunks that are multiplied at once
SYSTEMS = 256  # that are solved at once

Array = npt.NDArray[Any]


class Chunks(NamedTuple):
    """``owner`` [chunks], ascending; [chunks, CHUNK] of what is rated, and of the two coefficients, 0 for padding."""

    owner: Array
    other: Array
    second: Array
    first: Array

    def where(self, chosen: npt.NDArray[np.bool_]) -> "Chunks":
        """Those of some owners."""
        return self if chosen.all() else Chunks(*(a[chosen[self.owner]] for a in self))


def chunked(owner: Array, other: Array, second: Array, first: Array) -> Chunks:
    """Ratings [n] in any order; int32 and float32."""
    order = np.argsort(owner, kind="stable")
    owners, starts, counts = np.unique(owner[order], return_index=True, return_counts=True)
    position = np.arange(len(owner)) - np.repeat(starts, counts)
    chunks = -(-counts // CHUNK)
    at = np.repeat(np.cumsum(chunks) - chunks, counts) + position // CHUNK, position % CHUNK

    def laid(values: Array) -> Array:
        places = np.zeros((chunks.sum(), CHUNK), values.dtype)
        places[at] = values[order]
        return places

    return Chunks(np.repeat(owners, chunks), laid(other), laid(second), laid(first))


def width(rank: int) -> int:
    """Numbers in a packed system."""
    return rank * (rank + 1) // 2 + rank + 1


def equations(chunks: Chunks, factors: jax.Array, owners: int) -> jax.Array:
    """[owners, width]: the packed systems of owners 0 … ``owners`` - 1; those from ``owners`` on are left out."""
    blocks = -(-len(chunks.owner) // BLOCK)
    room = max(1, 1 << max(blocks - 1, 0).bit_length()) * BLOCK  # few different sizes, so that few are compiled
    missing = room - len(chunks.owner)
    padded = [
        np.concatenate([a, np.full((missing, *a.shape[1:]), owners if not n else 0, a.dtype)])
        for n, a in enumerate(chunks)
    ]
    return _summed(Chunks(*(a.reshape(-1, BLOCK, *a.shape[1:]) for a in padded)), blocks, factors, owners)


@partial(jax.jit, static_argnames="owners")
def _summed(chunks: Any, blocks: jax.Array, factors: jax.Array, owners: int) -> jax.Array:
    rank = factors.shape[1]
    lower = jnp.tril_indices(rank)

    def add(block: jax.Array, sums: jax.Array) -> jax.Array:
        owner, other, second, first = (a[block] for a in chunks)
        f = factors[other]
        squares = jnp.einsum("cri,crj->cij", f * second[:, :, None], f, precision=EXACT)
        right = jnp.einsum("cr,cri->ci", first, f, precision=EXACT)
        packed = [squares[:, lower[0], lower[1]], right, jnp.sum(second, axis=1)[:, None]]
        return sums.at[owner].add(jnp.concatenate(packed, axis=1), mode="drop", indices_are_sorted=True)

    return jax.lax.fori_loop(0, blocks, add, jnp.zeros((owners, width(rank))))


class Systems(NamedTuple):
    """matrix [n, rank, rank], right [n, rank], weight [n]."""

    matrix: jax.Array
    right: jax.Array
    weight: jax.Array


def rank_of(rows: jax.Array) -> int:
    """The inverse of `width`."""
    return math.isqrt(2 * rows.shape[1]) - 1


def systems(rows: jax.Array) -> Systems:
    """Unpacked: [n, width] → n systems."""
    rank = rank_of(rows)
    triangle = rank * (rank + 1) // 2
    lower = jnp.tril_indices(rank)
    place = jnp.zeros((rank, rank), jnp.int32).at[lower].set(jnp.arange(triangle, dtype=jnp.int32))
    place = jnp.maximum(place, place.T)
    return Systems(rows[:, place], rows[:, triangle:-1], rows[:, -1])


def solved(rows: jax.Array, ridge: jax.Array, gram: jax.Array | None = None) -> jax.Array:
    """[n, rank]: (matrix + gram + ridge · I)⁻¹ right of packed systems; ridge [n], above 0.

    By elimination, which needs no pivoting where matrices are positive definite; written out for XLA, many systems side
    by side, so that its bits do not depend on the threads of a BLAS.
    """
    rank, blocks = rank_of(rows), -(-len(rows) // SYSTEMS)
    missing = blocks * SYSTEMS - len(rows)

    def solve(block: tuple[jax.Array, jax.Array]) -> jax.Array:
        matrix, right, _ = systems(block[0])
        matrix = matrix if gram is None else matrix + gram
        matrix = matrix + block[1][:, None, None] * jnp.eye(rank)
        whole = jnp.concatenate([matrix, right[:, :, None]], axis=2).transpose(1, 2, 0)

        def eliminate(k: jax.Array, a: jax.Array) -> jax.Array:
            row = a[k] / a[k, k]
            return (a - a[:, k][:, None] * row).at[k].set(row)

        return jax.lax.fori_loop(0, rank, eliminate, whole)[:, rank].T

    rows = jnp.pad(rows, ((0, missing), (0, 0))).reshape(blocks, SYSTEMS, -1)
    ridge = jnp.pad(ridge, (0, missing), constant_values=1.0).reshape(blocks, SYSTEMS)
    return jax.lax.map(solve, (rows, ridge)).reshape(-1, rank)[: blocks * SYSTEMS - missing]
