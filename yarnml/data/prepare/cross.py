"""One of a fixed number of places for each combination of values of several columns, by its hash.

The column is a struct with a field for each of them.
"""

import pyarrow as pa
import pyarrow.compute as pc

from yarnml.data.arrays import Matrix
from yarnml.data.lookup import whole
from yarnml.data.prepare import hashed, valued
from yarnml.data.prepare.base import NUMBERS
from yarnml.data.prepare.hash import apply as hash_of
from yarnml.job.prepare import Cross, Hash

BETWEEN = "\x1f"
"""ASCII's unit separator stands between the values, so that ('a', 'bc') and ('ab', 'c') are two."""

find = hashed.find
learn = hashed.learn
names = hashed.names


def needs(step: Cross, kind: pa.DataType) -> str | None:
    return next((needed for field in kind if (needed := valued.needs(step, field.type))), None)


def gives(step: Cross, kind: pa.DataType) -> pa.DataType:
    return NUMBERS


def apply(step: Cross, column: pa.Array, where: str) -> Matrix:
    texts = [whole(field, where).cast(pa.large_string()) for field in column.flatten()]
    joined = pc.binary_join_element_wise(*texts, pa.scalar(BETWEEN, pa.large_string()))
    return hash_of(Hash(columns=step.columns, width=step.width), joined, where)
