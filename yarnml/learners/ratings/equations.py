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
import numpy.typing as npt

EXACT = jax.lax.Precision.HIGHEST  # float32 on GPUs too
LENGTHS = 32, 64, 128, 256, 512  # of chunks; who has more ratings has several
BLOCK = 1 << 14  # ratings that are multiplied at once
BLOCKS = 8  # that are given to the compiled program at once
SYSTEMS = 64  # that are solved at once

Array = npt.NDArray[Any]


class Chunks(NamedTuple):
    """Of one length: ``owner`` [chunks], ascending; [chunks, length] of what is rated and of two coefficients.

    Padding has the coefficients 0.
    """

    owner: Array
    other: Array
    second: Array
    first: Array

    def where(self, chosen: npt.NDArray[np.bool_]) -> "Chunks":
        """Those of some owners."""
        return self if chosen.all() else Chunks(*(a[chosen[self.owner]] for a in self))


def chunked(owner: Array, other: Array, second: Array, first: Array) -> list[Chunks]:
    """Ratings [n] in any order; int32 and float32."""
    order = np.argsort(owner, kind="stable")
    owners, starts, counts = np.unique(owner[order], return_index=True, return_counts=True)
    longest = LENGTHS[-1]
    chunks = -(-counts // longest)
    number = np.arange(chunks.sum()) - np.repeat(np.cumsum(chunks) - chunks, chunks)  # of an owner's chunks
    owners, starts = np.repeat(owners, chunks), np.repeat(starts, chunks) + longest * number
    sizes = np.minimum(np.repeat(counts, chunks) - longest * number, longest)
    lengths = np.searchsorted(LENGTHS, sizes)

    def laid(place: int, length: int) -> Chunks:
        mine = lengths == place
        within = np.arange(length) < sizes[mine][:, None]
        at = order[np.where(within, starts[mine][:, None] + np.arange(length), 0)]
        return Chunks(owners[mine], *(np.where(within, a[at], 0).astype(a.dtype) for a in (other, second, first)))

    return [laid(*which) for which in enumerate(LENGTHS)]


def width(rank: int) -> int:
    """Numbers in a packed system."""
    return rank * (rank + 1) // 2 + rank + 1


def equations(chunks: Iterable[Chunks], factors: jax.Array, owners: int) -> jax.Array:
    """[owners, width]: the packed systems of owners 0 … ``owners`` - 1; those from ``owners`` on are left out."""
    factors = jnp.asarray(factors)
    sums = jnp.zeros((owners, width(factors.shape[1])))
    for one in chunks:
        for piece in _pieces(one, owners):
            sums = _added(sums, *piece, factors)
    return sums


def _pieces(chunks: Chunks, nobody: int) -> Iterator[tuple[Chunks, int]]:
    """In parts of one size, so that one program is compiled: [BLOCKS, chunks of a block, …], and how many blocks."""
    each = BLOCK // chunks.other.shape[1]
    for start in range(0, len(chunks.owner), BLOCKS * each):
        part = Chunks(*(a[start : start + BLOCKS * each] for a in chunks))
        missing = BLOCKS * each - len(part.owner)
        if missing:
            fill = nobody, 0, 0, 0
            part = Chunks(
                *(
                    np.concatenate([a, np.full((missing, *a.shape[1:]), f, a.dtype)])
                    for a, f in zip(part, fill, strict=True)
                )
            )
        yield Chunks(*(a.reshape(BLOCKS, each, *a.shape[1:]) for a in part)), BLOCKS - missing // each


@partial(jax.jit, donate_argnums=0)
def _added(sums: jax.Array, chunks: Any, blocks: jax.Array, factors: jax.Array) -> jax.Array:
    lower = jnp.tril_indices(factors.shape[1])

    def add(block: jax.Array, sums: jax.Array) -> jax.Array:
        owner, other, second, first = (a[block] for a in chunks)
        f = factors[other]
        squares = jnp.einsum("cri,crj->cij", f * second[:, :, None], f, precision=EXACT)
        right = jnp.einsum("cr,cri->ci", first, f, precision=EXACT)
        packed = [squares[:, lower[0], lower[1]], right, jnp.sum(second, axis=1)[:, None]]
        return sums.at[owner].add(jnp.concatenate(packed, axis=1), mode="drop", indices_are_sorted=True)

    return jax.lax.fori_loop(0, blocks, add, sums)


def rank_of(rows: jax.Array) -> int:
    """The inverse of `width`."""
    return math.isqrt(2 * rows.shape[1]) - 1


def right_of(rows: jax.Array) -> jax.Array:
    """The right sides [n, rank] of packed systems [n, width]."""
    return rows[:, -1 - rank_of(rows) : -1]


def weight_of(rows: jax.Array) -> jax.Array:
    """Their Σ second [n]."""
    return rows[:, -1]


def solved(rows: jax.Array, ridge: jax.Array, gram: jax.Array | None = None) -> jax.Array:
    """[n, rank]: (matrix + gram + ridge · I)⁻¹ right of packed systems; ridge [n], above 0.

    By elimination, which needs no pivoting where matrices are positive definite; written out for XLA, many systems side
    by side, so that its bits do not depend on the threads of a BLAS.
    """
    rank, blocks = rank_of(rows), -(-len(rows) // SYSTEMS)
    missing = blocks * SYSTEMS - len(rows)
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

    rows = jnp.pad(rows, ((0, missing), (0, 0))).reshape(blocks, SYSTEMS, -1)
    ridge = jnp.pad(ridge, (0, missing), constant_values=1.0).reshape(blocks, SYSTEMS)
    return jax.lax.map(solve, (rows, ridge)).reshape(-1, rank)[: blocks * SYSTEMS - missing]
