"""The types of ``data.types``, and columns that are read as such, whatever the files say."""

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from yarnml.data.arrays import one_array, value_type
from yarnml.data.hints import hint
from yarnml.errors import DataError

TYPES = {
    "text": pa.string(),
    "number": pa.float64(),
    "integer": pa.int64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
}


def with_types(columns: pa.Schema, types: Mapping[str, str]) -> pa.Schema:
    """The columns, with the types that a job gives some of them."""
    return pa.schema([f.with_type(TYPES[types[f.name]]) if f.name in types else f for f in columns])


def in_types(table: pa.Table, types: Mapping[str, str], where: str) -> pa.Table:
    """A table of a program, with the types that a job gave some of its columns."""
    for place, name in enumerate(table.column_names):
        if name in types:
            table = table.set_column(place, name, as_type(table.column(place), TYPES[types[name]], name, where))
    return table


def as_type(column: pa.ChunkedArray, kind: pa.DataType, name: str, url: str) -> pa.ChunkedArray:
    """The column in this type; DataError where its values are no such."""
    array = pa.chunked_array([one_array(column, exact=_is_whole(column.type))])
    if not pa.types.is_temporal(kind):
        array = _without_time(array, is_text=pa.types.is_string(kind))
    try:
        if pa.types.is_integer(kind) and pa.types.is_timestamp(column.type):
            array = pc.floor(array)
        return array.cast(kind, safe=not pa.types.is_timestamp(kind))
    except pa.ArrowException as exc:
        raise DataError(
            f"{url}: column '{name}' holds {column.type}, which data.types can't read as {kind}: "
            f"{str(exc).splitlines()[0].rstrip('.')}{hint(column.type) if pa.types.is_nested(column.type) else ''}."
        ) from exc


def _is_whole(kind: pa.DataType) -> bool:
    """Tell whether a column holds decimals without a fraction, all of whose digits count."""
    kind = value_type(kind)
    return pa.types.is_decimal(kind) and kind.scale == 0


def _without_time(array: pa.ChunkedArray, *, is_text: bool) -> pa.ChunkedArray:
    """Dates as days and instants as seconds since 1970, whatever their unit in a file; or both as in ISO 8601."""
    if pa.types.is_date64(array.type):
        array = array.cast(pa.date32())
    if pa.types.is_timestamp(array.type):
        array = array.cast(pa.timestamp("us"), safe=False)
        return array.cast(pa.string()) if is_text else pc.divide(array.cast(pa.int64()).cast(pa.float64()), 1e6)
    return array.cast(pa.int32()) if pa.types.is_date32(array.type) and not is_text else array
