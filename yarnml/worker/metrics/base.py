"""The contract of a statistic: sums over rows, of which metrics are made."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from yarnml.data.schema import Schema
from yarnml.reduce.tree import Vector

Metrics = dict[str, float]


class Scored(NamedTuple):
    """Rows of a weight above 0 with what a model says of them, in float64.

    ``outputs``: [rows, classes] or [rows]; ``y``: numbers, or the places of the classes as whole numbers.  Of several
    labels both are [rows, labels]; of several quantiles outputs are [rows, quantiles].
    """

    outputs: npt.NDArray[np.float64]
    loss: npt.NDArray[np.float64]
    y: npt.NDArray[Any]
    weight: npt.NDArray[np.float64]


class Statistic(Protocol):
    """Sums over rows that add up over any parts of the data, and metrics made of them.

    ``size``: how many sums there are.
    """

    size: int

    def sums(self, rows: Scored) -> Vector:
        """[size]: the sums over some rows."""
        ...

    def metrics(self, total: Vector, weight: float) -> Metrics:
        """Work out metrics from the sums over all rows; those that are not defined are left out.

        ``weight``: of all rows, above 0.
        """
        ...


class MakeStatistic(Protocol):
    """Makes a statistic for the metrics of these names; None where none of them is its own."""

    def __call__(self, schema: Schema, names: Sequence[str]) -> Statistic | None: ...


def ratio(part: Vector, whole: Vector) -> Vector:
    """Divide each part by its whole; 0 where that is nothing."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def numbers_in(names: Sequence[str], prefix: str, suffix: str = "") -> dict[str, float]:
    """The numbers that names of a family carry between a prefix and a suffix, by name."""
    family = [name for name in names if name.startswith(prefix) and name.endswith(suffix)]
    return {name: float(name.removeprefix(prefix).removesuffix(suffix)) for name in family}
