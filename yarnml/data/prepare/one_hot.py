"""A number for each value of a column, 1 where a row has it."""

import numpy as np
import pyarrow as pa

from yarnml.data.arrays import Matrix, Places
from yarnml.data.prepare import valued
from yarnml.job.prepare import OneHot

needs = valued.needs
gives = valued.gives
find = valued.find
learn = valued.learn


def names(step: OneHot, column: str) -> list[str]:
    rare = [f"{column} is rare"] if step.min_count > 1 else []
    return [*(f"{column}={value}" for value in step.values or []), *rare]


def apply(step: OneHot, column: pa.Array, where: str) -> Matrix:
    return ones(valued.codes(step, column, where), len(step.values or []) + (step.min_count > 1))


def ones(places: Places, width: int) -> Matrix:
    """[rows, width]: 1 at each row's place; all 0 where the place is negative."""
    x = np.zeros((len(places), width), np.float32)
    rows = np.flatnonzero(places >= 0)
    x[rows, places[rows]] = 1.0
    return x
