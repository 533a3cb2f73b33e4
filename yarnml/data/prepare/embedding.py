"""The id of a column's value, for networks that learn numbers for every id: a text of one word, so to speak."""

import numpy as np
import pyarrow as pa

from yarnml.data.arrays import Matrix
from yarnml.data.prepare import valued
from yarnml.job.prepare import FIRST_WORD, UNKNOWN, Embedding

needs = valued.needs
gives = valued.gives
find = valued.find
learn = valued.learn


def names(step: Embedding, column: str) -> list[str]:
    return [column]


def apply(step: Embedding, column: pa.Array, where: str) -> Matrix:
    """A null is an unknown value, too."""
    places = valued.codes(step, column, where)
    return np.where(places < 0, UNKNOWN, FIRST_WORD + places).astype(np.float32)[:, None]
