"""Rows that a model can take among others: those with nulls that nothing fills, infinity, or a value of no use."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from yarnml.data.arrays import Matrix
from yarnml.data.inputs import inputs_of
from yarnml.data.rows import features_of
from yarnml.data.schema import Feature, Schema
from yarnml.errors import DataError


def valid_features(table: pa.Table, schema: Schema, where: str) -> tuple[Matrix, npt.NDArray[np.bool_]]:
    """float32 [rows, row_width], [rows]: the features of the rows that a model can take, and which these are.

    Others have zeros.  ``where``: the name of the table in errors.  Raises DataError for a column that is missing.
    """
    columns = inputs_of(table, schema.features, where)
    lacks = np.zeros(table.num_rows, np.bool_)
    for column, feature in zip(columns, schema.features, strict=True):
        lacks |= _lacks_value(column, feature, schema)
    whole = np.flatnonzero(~lacks)
    x = np.zeros((table.num_rows, schema.row_width), np.float32)
    is_valid = np.zeros(table.num_rows, np.bool_)
    # Whatever else may be wrong is rare: a run of rows that can't be taken is halved until those to blame are found.
    runs = [whole] if len(whole) else []
    while runs:
        run = runs.pop()
        try:
            x[run] = features_of(table.take(run), schema, where)
            is_valid[run] = True
        except DataError:
            if len(run) > 1:
                runs += np.array_split(run, 2)
    return x, is_valid


def _lacks_value(column: pa.ChunkedArray, feature: Feature, schema: Schema) -> npt.NDArray[np.bool_]:
    """[rows]: whether a row has a null that nothing fills, or NaN or infinity where only finite numbers will do."""
    is_filled = (
        schema.missing
        or feature.is_keyed
        or feature.is_joint
        or (bool(feature.steps) and feature.steps[0].kind == "impute")
    )
    has_fractions = pa.types.is_floating(column.type)
    is_bad = np.zeros(len(column), np.bool_)
    if not is_filled:
        is_nan_bad = has_fractions and (bool(feature.steps) or schema.finite)
        is_bad |= pc.is_null(column, nan_is_null=is_nan_bad).to_numpy()
    if schema.finite and not feature.steps and has_fractions:
        is_bad |= pc.is_inf(column).fill_null(False).to_numpy()
    return is_bad
