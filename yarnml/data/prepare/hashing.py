"""FNV-1a, 64 bits (Fowler, Noll and Vo; RFC 9923): the same in every language, and here for many texts at a time."""

from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from yarnml.data.loops import Loop, compiled, has_numba

Hashes = npt.NDArray[np.uint64]

ALL_BITS = np.uint64(2**64 - 1)

NO_COLUMN = np.zeros(1, np.uint64)

_OFFSET = np.uint64(0xCBF29CE484222325)
_PRIME = np.uint64(0x100000001B3)


def fnv1a(texts: pa.Array) -> Hashes:
    """The hash of each text's UTF-8 bytes.

    It goes through the places of bytes, and takes all texts that are so long at once.
    """
    if not len(texts):
        return np.empty(0, np.uint64)
    _, offsets, content = texts.cast(pa.large_string()).buffers()
    ends = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    data = np.frombuffer(content, np.uint8) if content else np.empty(0, np.uint8)
    lengths = np.diff(ends)
    order = np.argsort(
        -lengths, kind="stable"
    )  # the longest first, so that at any place the texts that reach it stand together
    starts = ends[:-1][order]
    lengths = lengths[order]
    value = np.full(len(texts), _OFFSET)
    for place in range(int(lengths.max(initial=0))):
        longer = int(np.searchsorted(-lengths, -place, side="left"))  # the number of texts longer than the place
        value[:longer] = (value[:longer] ^ data[starts[:longer] + place]) * _PRIME
    unsorted = np.empty_like(value)
    unsorted[order] = value
    return unsorted


_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST_FACTOR = np.uint64(0xBF58476D1CE4E5B9)
_SECOND_FACTOR = np.uint64(0x94D049BB133111EB)


def mixed(numbers: Hashes) -> Hashes:
    """A hash of each number, different for different ones: a step of SplitMix64 (Steele, Lea and Flood, 2014)."""
    value = numbers + _STEP
    value ^= value >> np.uint64(30)
    value *= _FIRST_FACTOR
    value ^= value >> np.uint64(27)
    value *= _SECOND_FACTOR
    value ^= value >> np.uint64(31)
    return value


def mixed_quickly(numbers: Hashes, column: Hashes = NO_COLUMN, kept: np.uint64 = ALL_BITS) -> Hashes:
    """``mixed(numbers ^ column) & kept``, in a tenth of the time where numba is there.

    ``column``: [1], see `salt`.
    """
    if not has_numba():
        return mixed(numbers ^ column) & kept
    made = np.empty_like(numbers)
    _mix_in_numba()(numbers, column[0], kept, made)
    return made


@cache
def _mix_in_numba() -> Loop:
    return compiled(_mix, "void(uint64[::1], uint64, uint64, uint64[::1])")


def _mix(numbers: Hashes, column: np.uint64, kept: np.uint64, made: Hashes) -> None:
    for i in range(len(numbers)):
        value = (numbers[i] ^ column) + _STEP
        value = (value ^ (value >> np.uint64(30))) * _FIRST_FACTOR
        value = (value ^ (value >> np.uint64(27))) * _SECOND_FACTOR
        made[i] = (value ^ (value >> np.uint64(31))) & kept


@cache
def salt(name: str) -> Hashes:
    """[1]: a number that tells columns apart in their hashes, by their names; not to be written to."""
    made = mixed(fnv1a(pa.array([name], pa.large_string())))
    made.flags.writeable = False
    return made


def buckets(texts: pa.Array, width: int) -> npt.NDArray[np.int64]:
    """[texts]: the place of each text among ``width``, by its hash."""
    return (fnv1a(texts) % np.uint64(width)).astype(np.int64)


def buckets_of(texts: pa.Array, width: int) -> npt.NDArray[np.int64]:
    """Do as `buckets` for texts many of which are equal: each different text is hashed once."""
    coded = texts.dictionary_encode()
    return buckets(coded.dictionary, width)[coded.indices.to_numpy(zero_copy_only=False)]
