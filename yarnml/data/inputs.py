"""The stored columns of features, as their steps take them."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from yarnml.data.arrays import one_array
from yarnml.data.schema import Feature, names_of_columns
from yarnml.data.shapes import columns_of, single


def inputs_of(table: pa.Table, features: Sequence[Feature], where: str) -> list[pa.ChunkedArray]:
    """One column for each feature: the stored one, or a struct of several that a step joins.

    ``where``: the name of the table in errors.  DataError for a column that is missing, or there twice.
    """
    names = names_of_columns(features)
    columns = dict(zip(names, columns_of(table, names, where), strict=True))
    return [_joint(columns, feature, where) if feature.is_joint else columns[feature.name] for feature in features]


def array_of(column: pa.ChunkedArray, feature: Feature, where: str) -> pa.Array:
    """One array of the column of a feature with steps; NaN is null.

    So a column that another library has stored as fractions because it has nulls is as good as one of whole numbers.
    """
    if feature.is_joint or _takes_lists(feature):
        return one_array(column)
    return _without_nan(single(column, feature.name, where))


def takes_nulls(feature: Feature) -> bool:
    """Tell whether the first step of a feature knows what to make of nulls."""
    return feature.is_joint or _takes_lists(feature) or (bool(feature.steps) and feature.steps[0].kind == "impute")


def _takes_lists(feature: Feature) -> bool:
    return bool(feature.steps) and feature.steps[0].TAKES_LISTS


def _joint(columns: dict[str, pa.ChunkedArray], feature: Feature, where: str) -> pa.ChunkedArray:
    fields = [_without_nan(single(columns[name], name, where)) for name in feature.columns]
    return pa.chunked_array([pa.StructArray.from_arrays(fields, feature.columns)])


def _without_nan(array: pa.Array) -> pa.Array:
    if not pa.types.is_floating(array.type):
        return array
    return pc.if_else(pc.is_nan(array), pa.scalar(None, array.type), array)
