"""The keys that have rows: when a key is admitted, and after how many steps without it its row is evicted.

Both are decided by what the keys' own sums say and by counted random numbers, so any cut of a table decides alike.
"""

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from yarnml.data.arrays import Array
from yarnml.data.prepare.hashing import mixed, salt
from yarnml.sparse.run import Keys


class KeyPolicy(Struct, frozen=True, array_like=True):
    """The rule by which keys get rows and lose them.

    ``min_count``: a key gets its row at the step in which it has come so often.
    ``probability``: of getting it each time that it comes ("Poisson inclusion": McMahan et al., "Ad Click Prediction: a
    View from the Trenches", KDD 2013, section 4.1).
    ``max_age``: steps for which a row stays without its key; 0 for ever.
    ``tracked``: it is kept in which step a key came last, also where no row is ever evicted.
    ``seed``: of the random numbers.
    """

    min_count: int = 1
    probability: float = 1.0
    max_age: int = 0
    tracked: bool = False
    seed: int = 0

    @property
    def admits_all(self) -> bool:
        """True where a key gets its row when it first comes; else the last number of its sums is its count."""
        return self.min_count == 1 and self.probability == 1

    @property
    def has_clock(self) -> bool:
        """True where the number of updates before a step matters."""
        return self.probability < 1 or self.has_ages

    @property
    def has_ages(self) -> bool:
        """True where it is kept in which step a key came last."""
        return self.tracked or self.max_age > 0

    def draw(self, keys: Keys, counts: Array, clock: int) -> npt.NDArray[np.bool_]:
        """Draw which keys [keys] get a row now: a function of seed, key and ``clock``, the number of updates before.

        ``counts``: float32 [keys], how often each came.
        """
        streams = mixed(keys ^ mixed(salt("admission") + np.uint64(self.seed)))
        numbers = (mixed(streams ^ np.uint64(clock)) >> np.uint64(11)) * 2.0**-53
        return numbers >= _power(1 - self.probability, counts.astype(np.uint32))


ALL_KEYS = KeyPolicy()
"""Every key has a row, for ever."""


def _power(base: float, exponents: Array) -> npt.NDArray[np.float64]:
    """base ^ exponents by multiplications alone, which every processor rounds alike."""
    result = np.ones(len(exponents))
    while exponents.any():
        result[(exponents & 1).astype(bool)] *= base
        base *= base
        exponents = exponents >> 1
    return result
