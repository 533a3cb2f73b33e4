"""Normal equations, one small system for every owner of ratings: Σ second · f fᵀ and Σ first · f over its ratings.

f are the factors of what is rated.  Ratings lie in chunks of one owner each, so that a chunk is a matrix product; most
owners have one chunk, of the least of a few lengths that holds their ratings.  A system is packed as a row: the lower
triangle, the right side, Σ second.
"""

import math
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from yarnml.data.arrays import Array, places_within

PRECISION = jax.lax.Precision.HIGHEST
"""Float32 on GPUs too, where the default keeps fewer digits."""
CHUNK_LENGTHS = 32, 64, 128, 256, 512
"""An owner of more ratings than the longest has several chunks."""
BLOCK_RATINGS = 1 << 14
"""Ratings that are multiplied at once."""
CALL_BLOCKS = 8
"""Blocks that are given to the compiled program at once."""
BLOCK_SYSTEMS = 64
"""Systems that are solved at once."""


class Chunks(NamedTuple):
    """Chunks of ratings, all of one length, each of one owner.

    ``owner`` [chunks]: ascending.
    ``other`` [chunks, length]: the number of what is rated.
    ``second``, ``first`` [chunks, length]: the coefficients of a rating; padding has 0.
    """

    owner: Array
    other: Array
    second: Array
    first: Array

    def where(self, chosen: Array) -> "Chunks":
        """The chunks of some owners; ``chosen`` [owners]."""
        return self if chosen.all() else Chunks(*(a[chosen[self.owner]] for a in self))


def chunk_ratings(owner: Array, other: Array, second: Array, first: Array) -> list[Chunks]:
    """Deal ratings into chunks, one `Chunks` for each of ``CHUNK_LENGTHS``.

    ``owner``, ``other``: int32 [ratings], in any order.
    ``second``, ``first``: float32 [ratings].
    """
    order = np.argsort(owner, kind="stable")
    owners, starts, counts = np.unique(owner[order], return_index=True, return_counts=True)
    longest = CHUNK_LENGTHS[-1]
    chunks = -(-counts // longest)
    number = places_within(chunks)  # of an owner's chunks
    owners = np.repeat(owners, chunks)
    starts = np.repeat(starts, chunks) + longest * number
    sizes = np.minimum(np.repeat(counts, chunks) - longest * number, longest)
    lengths = np.searchsorted(CHUNK_LENGTHS, sizes)

    def lay_out(place: int, length: int) -> Chunks:
        selected = lengths == place
        within = np.arange(length) < sizes[selected][:, None]
        at = order[np.where(within, starts[selected][:, None] + np.arange(length), 0)]
        return Chunks(owners[selected], *(np.where(within, a[at], 0).astype(a.dtype) for a in (other, second, first)))

    return [lay_out(*which) for which in enumerate(CHUNK_LENGTHS)]


def width(rank: int) -> int:
    """Numbers in a packed system."""
    return rank * (rank + 1) // 2 + rank + 1


def equations(chunks: Iterable[Chunks], factors: jax.Array, owners: int) -> jax.Array:
    """The packed systems of owners 0 … ``owners`` - 1, [owners, width]; owners from ``owners`` on are left out."""
    factors = jnp.asarray(factors)
    sums = jnp.zeros((owners, width(factors.shape[1])))
    for one in chunks:
        for piece in _pieces(one, owners):
            sums = _added(sums, *piece, factors)
    return sums


def _pieces(chunks: Chunks, padding_owner: int) -> Iterator[tuple[Chunks, int]]:
    """Cut chunks into parts of one size, so that one program is compiled.

    Gives arrays [CALL_BLOCKS, chunks of a block, …], and how many of the blocks have ratings.
    ``padding_owner``: the owner of the chunks that fill up the last part.
    """
    per_block = BLOCK_RATINGS // chunks.other.shape[1]
    size = CALL_BLOCKS * per_block
    for start in range(0, len(chunks.owner), size):
        part = Chunks(*(a[start : start + size] for a in chunks))
        missing = size - len(part.owner)
        if missing:
            fill = padding_owner, 0, 0, 0
            part = Chunks(
                *(
                    np.concatenate([a, np.full((missing, *a.shape[1:]), f, a.dtype)])
                    for a, f in zip(part, fill, strict=True)
                )
            )
        blocks = Chunks(*(a.reshape(CALL_BLOCKS, per_block, *a.shape[1:]) for a in part))
        yield blocks, CALL_BLOCKS - missing // per_block


@partial(jax.jit, donate_argnums=0)
def _added(sums: jax.Array, chunks: Any, blocks: jax.Array, factors: jax.Array) -> jax.Array:
    lower = jnp.tril_indices(factors.shape[1])

    def add(block: jax.Array, sums: jax.Array) -> jax.Array:
        owner, other, second, first = (a[block] for a in chunks)
        f = factors[other]
        squares = jnp.einsum("cri,crj->cij", f * second[:, :, None], f, precision=PRECISION)
        right = jnp.einsum("cr,cri->ci", first, f, precision=PRECISION)
        packed = [squares[:, lower[0], lower[1]], right, jnp.sum(second, axis=1)[:, None]]
        return sums.at[owner].add(jnp.concatenate(packed, axis=1), mode="drop", indices_are_sorted=True)

    return jax.lax.fori_loop(0, blocks, add, sums)


def rank_of(rows: jax.Array) -> int:
    """The rank of packed systems [n, width]: the inverse of `width`."""
    return math.isqrt(2 * rows.shape[1]) - 1


def right_of(rows: jax.Array) -> jax.Array:
    """The right sides [n, rank] of packed systems [n, width]."""
    return rows[:, -1 - rank_of(rows) : -1]


def weight_of(rows: jax.Array) -> jax.Array:
    """The sums Σ second [n] of packed systems [n, width]."""
    return rows[:, -1]


def solve_packed(rows: jax.Array, ridge: jax.Array, gram: jax.Array | None = None) -> jax.Array:
    """Solve packed systems [n, width]: (matrix + gram + ridge · I)⁻¹ right, [n, rank].

    ``ridge`` [n]: above 0.  ``gram`` [rank, rank]: the same for all systems; None for 0.

    By elimination, which needs no pivoting where matrices are positive definite; written out for XLA, many systems side
    by side, so that its bits do not depend on the threads of a BLAS.
    """
    rank = rank_of(rows)
    blocks = -(-len(rows) // BLOCK_SYSTEMS)
    missing = blocks * BLOCK_SYSTEMS - len(rows)
    common = jnp.zeros((rank, rank)) if gram is None else gram
    triangle = jnp.arange(rank * (rank + 1) // 2, dtype=jnp.int32)
    place = jnp.zeros((rank, rank), jnp.int32).at[jnp.tril_indices(rank)].set(triangle)
    place = jnp.maximum(place, place.T)

    def solve(block: tuple[jax.Array, jax.Array]) -> jax.Array:
        matrix = block[0].T[place] + common[:, :, None] + jnp.eye(rank)[:, :, None] * block[1]
        whole = jnp.concatenate([matrix, right_of(block[0]).T[:, None]], axis=1)

        def eliminate(k: jax.Array, a: jax.Array) -> jax.Array:
            row = a[k] / a[k, k]
            return (a - a[:, k][:, None] * row).at[k].set(row)

        return jax.lax.fori_loop(0, rank, eliminate, whole)[:, rank].T

    rows = jnp.pad(rows, ((0, missing), (0, 0))).reshape(blocks, BLOCK_SYSTEMS, -1)
    ridge = jnp.pad(ridge, (0, missing), constant_values=1.0).reshape(blocks, BLOCK_SYSTEMS)
    return jax.lax.map(solve, (rows, ridge)).reshape(-1, rank)[: blocks * BLOCK_SYSTEMS - missing]
