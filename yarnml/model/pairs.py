"""Pairs of user and item in a table, by the names of a model's features."""

import numpy as np
import pyarrow as pa

from yarnml.data.arrays import Matrix
from yarnml.data.prepare.valued import UNKNOWN
from yarnml.data.rows import features_of
from yarnml.data.schema import Schema
from yarnml.data.shapes import columns_of
from yarnml.errors import DataError


def pairs_of(table: pa.Table, schema: Schema, where: str) -> Matrix:
    """Prepare the pairs of a table: [rows, 2], the numbers of user and item.

    ``where``: the name of the table in errors; DataError names a user or an item that the training data do not have.
    """
    pairs = features_of(table, schema, where)
    for what, feature, numbers in zip(("user", "item"), schema.features, pairs.T, strict=True):
        if not feature.steps:
            continue
        unknown = np.flatnonzero(numbers == UNKNOWN)
        if unknown.size:
            (column,) = columns_of(table, [feature.name], where)
            raise DataError(
                f"{where} holds the {what} {column[int(unknown[0])].as_py()!r}, which the training data do not have; "
                "leave such rows out."
            )
    return pairs
