"""The temperature of the largest likelihood, by sums over all rows.

The likelihood's derivative by the factor 1 / temperature falls, so its zero lies between two points of a grid where it
changes its sign.  Each sum has the derivative at all points; the next one's grid lies between these two.
"""

from collections.abc import Callable
from functools import partial
from typing import Protocol

import numpy as np
import numpy.typing as npt

from yarnml.data.calibration import logarithms, tempered
from yarnml.data.schema import Rows
from yarnml.reduce.tree import Vector

LARGEST_POWER = 8.0
"""The factor is between 2 to this power, and 1 over that."""
POINTS = 33
SUMS = 3
"""With so many sums of so many points the factor is known to 1e-7 of it."""

Sum = Callable[[npt.NDArray[np.float32], Rows], Vector]
"""(outputs [rows, classes], the rows) → numbers to add up."""


class Total(Protocol):
    """A sum over all rows; ``number``: how many there were before."""

    def __call__(self, function: Sum, number: int) -> Vector: ...


def inverse_temperature(total: Total) -> float:
    """The factor of the logarithms that makes the probabilities of the rows' own classes largest."""
    low = -LARGEST_POWER
    high = LARGEST_POWER
    power = 0.0
    for number in range(SUMS):
        powers = np.linspace(low, high, POINTS)
        slopes = total(partial(slopes_at, 2.0**powers), number)
        place = int(np.clip(np.searchsorted(slopes >= 0, True) - 1, 0, POINTS - 2))
        low, high = powers[place : place + 2]
        below, above = slopes[place : place + 2]
        share = np.clip(below / (below - above), 0, 1) if below != above else 0.0
        power = low + float(share) * (high - low)
    return float(2.0**power)


def slopes_at(factors: Vector, outputs: npt.NDArray[np.float32], rows: Rows) -> Vector:
    """[factors]: the derivatives of -Σ weight · log probability of the rows' own classes by the factor."""
    logs = logarithms(outputs)
    own = logs[np.arange(len(logs)), rows.y]
    return np.array([((tempered(logs, f) * logs).sum(axis=1) - own) @ rows.weight.astype(np.float64) for f in factors])
