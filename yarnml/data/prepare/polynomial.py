"""A number and its powers."""

import numpy as np
import pyarrow as pa

from yarnml.data.arrays import Array, float64
from yarnml.data.prepare import hashed, numeric
from yarnml.data.prepare.base import NUMBERS
from yarnml.job.prepare import Polynomial

needs = numeric.needs
find = numeric.find_nothing
learn = hashed.learn


def gives(step: Polynomial, kind: pa.DataType) -> pa.DataType:
    return NUMBERS


def names(step: Polynomial, column: str) -> list[str]:
    return [column, *(f"{column}^{power}" for power in range(2, step.degree + 1))]


def apply(step: Polynomial, column: pa.Array, where: str) -> Array:
    return float64(column)[:, None] ** np.arange(1, step.degree + 1)
