"""The place of a column's value among all values, for learners that take it as a category, such as trees."""

import numpy as np
import pyarrow as pa

from yarnml.data.arrays import Matrix
from yarnml.data.prepare import valued
from yarnml.job.prepare import Category

needs = valued.needs
gives = valued.gives
find = valued.find
learn = valued.learn


def names(step: Category, column: str) -> list[str]:
    return [column]


def apply(step: Category, column: pa.Array, where: str) -> Matrix:
    places = valued.codes(step, column, where)
    return np.where(places == valued.NULL, np.nan, places).astype(np.float32)[:, None]
