"""Sums of which most belong to keys: a vector, and behind it a run, of which only those keys travel that came."""

import numpy as np

from yarnml.data.arrays import Array
from yarnml.sparse.run import Run, are_narrow, concatenate, narrow, widened

PLACES = 2**16
"""A run counts as so many elements of a vector, each a range of keys, where a value is cut into slices and chunks."""


class KeyedVector:
    """A plain vector, and a run behind it.

    Its length is that of the vector and `PLACES`, the same for every part of a sum, whatever keys it has: place p
    stands for the keys p · 2^64 / PLACES … (p + 1) · 2^64 / PLACES - 1.  Keys are hashes, so equal numbers of places
    have about equally many of them.
    """

    def __init__(self, dense: Array, run: Run | None = None) -> None:
        self.dense = dense
        self._runs: dict[int, Run] = {} if run is None else {0: run}

    @property
    def run(self) -> Run:
        """All of the run; the parts that `put` got, in the order of their keys."""
        if len(self._runs) > 1:
            self._runs = {0: concatenate([run for _, run in sorted(self._runs.items())])}
        return next(iter(self._runs.values()))

    @property
    def nbytes(self) -> int:
        return self.dense.nbytes + sum(run.nbytes for run in self._runs.values())

    def __len__(self) -> int:
        return len(self.dense) + PLACES

    def __getitem__(self, elements: slice) -> Array | Run:
        """The elements ``low`` … ``high`` - 1, all of the vector or all of the run; a view."""
        if elements.stop <= len(self.dense):
            return self.dense[elements]
        bounds = self._keys_of(elements.start), self._keys_of(elements.stop)
        return self.run.between(*bounds)

    def put(self, low: int, chunk: Array | Run) -> None:
        """Take in a part of the total that begins at element ``low``."""
        if isinstance(chunk, Run):
            self._runs[low - len(self.dense)] = chunk
        else:
            self.dense[low : low + len(chunk)] = chunk

    def empty_like(self) -> "KeyedVector":
        """One of the same layout to `put` a total into."""
        return KeyedVector(np.empty_like(self.dense))

    def _keys_of(self, element: int) -> int:
        return (element - len(self.dense)) * (2**64 // PLACES)


def first_place(number: int, count: int) -> int:
    """The place at which part ``number`` of ``count`` equal parts of all keys begins."""
    return number * PLACES // count


def part_of_place(place: int, count: int) -> int:
    """The number of the part that begins at a place, of ``count`` equal parts; the inverse of `first_place`."""
    return -(-place * count // PLACES)


def first_key(number: int, count: int) -> int:
    """The key, a number of up to 2^64, at which part ``number`` of ``count`` equal parts of all keys begins."""
    return first_place(number, count) * (2**64 // PLACES)


def bytes_of(chunk: Array | Run) -> Array:
    """A chunk as it travels: the keys of a run, then its values."""
    if not isinstance(chunk, Run):
        return chunk
    arrays = narrow(chunk.keys), chunk.values
    return np.concatenate([np.ascontiguousarray(array).reshape(-1).view(np.uint8) for array in arrays])


def sent_bytes(chunk: Array | Run) -> int:
    """The number of bytes that travel."""
    if not isinstance(chunk, Run):
        return chunk.nbytes
    return (4 if are_narrow(chunk.keys) else 8) * len(chunk.keys) + chunk.values.nbytes


def run_of(data: Array, keys: int, width: int) -> Run:
    """The run in what `bytes_of` made of it; ValueError for anything else."""
    end = data.nbytes - 4 * keys * width
    if end not in (4 * keys, 8 * keys):
        raise ValueError(f"{data.nbytes} bytes are no run of {keys} keys with {width} numbers each")
    data = data if data.flags.writeable else data.copy()  # compiled kernels take only such arrays
    return Run(widened(data[:end], keys), data[end:].view(np.float32).reshape(keys, width))
