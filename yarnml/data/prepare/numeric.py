"""The common part of kinds that make a better number of a number; other steps may follow them."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from yarnml.data.arrays import float64, is_number
from yarnml.data.prepare.findings import Finding, Quantiles, quantiles
from yarnml.errors import DataError


def needs(step: Any, kind: pa.DataType) -> str | None:
    return None if is_number(kind) else "numbers"


def gives(step: Any, kind: pa.DataType) -> pa.DataType:
    return pa.float64()


def names(step: Any, column: str) -> list[str]:
    return [column]


def find_nothing(step: Any, column: pa.Array, where: str) -> Finding | None:
    return None


def find_quantiles(step: Any, column: pa.Array, where: str) -> Finding | None:
    return quantiles(float64(column)) if step.edges is None else None


def quantiles_at(finding: Finding, shares: list[float], where: str) -> list[float]:
    """The numbers at these shares of the training rows; DataError where there are none."""
    if not isinstance(finding, Quantiles) or finding.is_empty:
        raise DataError(f"{where} holds no numbers in the training data to learn from; leave it out of data.features.")
    return finding.at(shares)


def column_of(x: npt.NDArray[np.float64]) -> pa.Array:
    """Numbers as a column, NaN as null."""
    return pa.array(x, pa.float64(), from_pandas=True)
