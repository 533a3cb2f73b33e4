"""The cut of a vector into slices, one for each reducer, and of a slice into chunks, one for each message."""

CHUNK_ELEMENTS = 256 * 1024


def slice_bounds(length: int, slices: int) -> list[tuple[int, int]]:
    """Cut a vector of ``length`` elements into near-equal slices, one per reducer: (first, end) of each."""
    return [(r * length // slices, (r + 1) * length // slices) for r in range(slices)]


def chunk_bounds(low: int, high: int, cut: int = 0) -> list[tuple[int, int]]:
    """Cut one slice into chunks, none of them across ``cut``; at least one, so that an empty slice is answered too."""
    if low < cut < high:
        return chunk_bounds(low, cut) + chunk_bounds(cut, high)
    starts = range(low, max(high, low + 1), CHUNK_ELEMENTS)
    return [(start, min(start + CHUNK_ELEMENTS, high)) for start in starts]
