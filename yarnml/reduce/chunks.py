"""The cut of a vector into slices, one for each reducer, and of a slice into chunks, one for each message."""

from collections.abc import Sequence

from yarnml.reduce.keyed import first_place

CHUNK_ELEMENTS = 256 * 1024
"""The most numbers in a chunk."""

Chunks = list[tuple[int, int]]
"""The first element of each chunk, and the one behind its last."""


def slice_bounds(length: int, slices: int) -> Chunks:
    """Cut a vector of ``length`` elements into near-equal slices, one per reducer: (first, end) of each."""
    return [(r * length // slices, (r + 1) * length // slices) for r in range(slices)]


def chunk_bounds(low: int, high: int, cut: int = 0, numbers: int = 1) -> Chunks:
    """Cut one slice into chunks, none of them across ``cut``; at least one, so that an empty slice is answered too.

    ``numbers``: of an element before ``cut``.
    """
    if low < cut < high:
        return chunk_bounds(low, cut, cut, numbers) + chunk_bounds(cut, high)
    length = CHUNK_ELEMENTS // (numbers if low < cut else 1)
    return [(start, min(start + length, high)) for start in range(low, max(high, low + 1), length)]


def owned_chunks(dense: int, owners: Sequence[str]) -> dict[str, Chunks]:
    """The chunks of a keyed vector that each owner reduces: for each of its parts a slice of the vector, and the keys.

    ``owners``: of the parts, by address.
    """
    chunks: dict[str, Chunks] = {}
    for number, (owner, (low, high)) in enumerate(zip(owners, slice_bounds(dense, len(owners)), strict=True)):
        keys = (dense + first_place(number, len(owners)), dense + first_place(number + 1, len(owners)))
        chunks.setdefault(owner, []).extend([*(chunk_bounds(low, high) if low < high else []), keys])
    return chunks
