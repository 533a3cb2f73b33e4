"""A run: the sums of some keys, and how two of them are added."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from yarnml.data.arrays import Matrix
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
    keys = np.empty(len(left.keys) + len(right.keys), np.uint64)
    values = np.empty((len(keys), left.width), np.float32)
    count = kernels().merge(left.keys, left.values, right.keys, right.values, keys, values)
    return Run(keys[:count], values[:count])


def concatenate(runs: list[Run]) -> Run:
    """Put runs behind each other, of which each has larger keys than the one before."""
    return Run(np.concatenate([run.keys for run in runs]), np.concatenate([run.values for run in runs]))
