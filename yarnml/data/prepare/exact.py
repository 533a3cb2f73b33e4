"""Exact sums of float64 numbers: the same, to the bit, in whatever order parts are added."""

import numpy as np
import numpy.typing as npt

from yarnml.data.arrays import Places

_MANTISSA_BITS = 53  # of a float64
UNIT_BITS = 1074 + _MANTISSA_BITS  # -log2 of the unit in which every float64 is a whole number, after `frexp`
_LOW_BITS = 26  # of the lower part of a mantissa: sums of parts of 2^26 rows are exact in a float64
_EXPONENTS = 1 << 12
_FIRST_EXPONENT = -1100


def exact_sums(x: npt.NDArray[np.float64], cells: Places, count: int) -> list[int]:
    """Sum finite numbers by cell, in units of 2^-1127: mantissas are whole numbers, which are added by exponent.

    ``cells`` [numbers]: which of ``count`` sums each number belongs to.
    """
    fractions, exponents = np.frexp(x)
    high, low = np.divmod(np.ldexp(fractions, _MANTISSA_BITS), 1 << _LOW_BITS)
    keys, place = np.unique(cells * _EXPONENTS + exponents - _FIRST_EXPONENT, return_inverse=True)
    owners, shifts = np.divmod(keys, _EXPONENTS)
    total = [0] * count
    for part, bits in ((high, _LOW_BITS), (low, 0)):
        amounts = np.bincount(place, part, len(keys))
        for owner, shift, amount in zip(owners.tolist(), shifts.tolist(), amounts.tolist(), strict=True):
            total[owner] += int(amount) << (shift + _FIRST_EXPONENT + UNIT_BITS - _MANTISSA_BITS + bits)
    return total
