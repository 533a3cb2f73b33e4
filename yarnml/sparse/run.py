"""A run: the sums of some keys, and how two of them are added."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from yarnml.data.arrays import Array, Matrix
from yarnml.sparse.kernels import kernels

Keys = npt.NDArray[np.uint64]
"""[keys]: as `yarnml.data.keys` makes them, so their highest bits are even."""


class Run(NamedTuple):
    """Sums by key, each key once.

    ``keys``: [keys], ascending.  ``values``: float32 [keys, width].
    """

    keys: Keys
    values: Matrix

    @property
    def nbytes(self) -> int:
        return self.keys.nbytes + self.values.nbytes

    @property
    def width(self) -> int:
        return self.values.shape[1]

    def between(self, low: int, high: int) -> "Run":
        """The part with the keys ``low`` … ``high`` - 1, a view; both are numbers of up to 2^64."""
        ends = [count_below(self.keys, low), count_below(self.keys, high)]
        return Run(self.keys[slice(*ends)], self.values[slice(*ends)])


LOWER_HALF = np.uint64(2**32 - 1)


def are_narrow(keys: Keys) -> bool:
    """Tell whether the lower halves of all keys are 0, as of keys of up to 32 bits."""
    return not np.bitwise_or.reduce(keys) & LOWER_HALF


def narrow(keys: Keys) -> Array:
    """The keys as they travel: their higher halves as uint32, where all the lower ones are 0."""
    return (keys >> np.uint64(32)).astype(np.uint32) if are_narrow(keys) else keys


def widened(data: Array, count: int) -> Keys:
    """The keys in the bytes of what `narrow` made of ``count`` keys; ValueError for anything else."""
    data = np.ascontiguousarray(data).reshape(-1).view(np.uint8)
    if data.nbytes not in (4 * count, 8 * count):
        raise ValueError(f"{data.nbytes} bytes are no {count} keys")
    if data.nbytes < 8 * count:
        return data.view(np.uint32).astype(np.uint64) << np.uint64(32)
    return np.require(data, requirements="W").view(np.uint64)  # compiled kernels take only arrays to write into


def count_below(keys: Keys, bound: int) -> int:
    """The number of keys below a bound."""
    return len(keys) if bound >= 2**64 else int(np.searchsorted(keys, np.uint64(bound)))


def empty_run(width: int) -> Run:
    """A run without keys."""
    return Run(np.empty(0, np.uint64), np.empty((0, width), np.float32))


def merge(left: Run, right: Run) -> Run:
    """Add two runs: left + right where both have a key, else the sum of the one that has it, as it is.

    What is absent is not 0: -0.0 + 0.0 has other bits than -0.0, and a row without a sum is not updated at all.
    """
    if np.array_equal(left.keys, right.keys):
        return Run(left.keys, left.values + right.values)
    keys = np.empty(len(left.keys) + len(right.keys), np.uint64)
    values = np.empty((len(keys), left.width), np.float32)
    count = kernels().merge(left.keys, left.values, right.keys, right.values, keys, values)
    return Run(keys[:count], values[:count])


def concatenate(runs: list[Run]) -> Run:
    """Put runs behind each other, of which each has larger keys than the one before."""
    return Run(np.concatenate([run.keys for run in runs]), np.concatenate([run.values for run in runs]))
