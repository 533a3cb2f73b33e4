"""Types of which Arrow's functions know little, read as plainer ones that hold the same values."""

import pyarrow as pa
import pyarrow.compute as pc


def readable(columns: pa.Schema) -> pa.Schema:
    """The columns, each with the type in which it is read."""
    types = [readable_type(kind) for kind in columns.types]
    return columns if types == columns.types else pa.schema(dict(zip(columns.names, types, strict=True)))


def readable_table(table: pa.Table) -> pa.Table:
    """The table with each column in the type in which it is read."""
    for place, (name, kind) in enumerate(zip(table.column_names, table.schema.types, strict=True)):
        if readable_type(kind) is not kind:
            table = table.set_column(place, name, readable_column(table.column(place)))
    return table


def readable_column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The column in the type in which it is read."""
    if (plainer := readable_type(column.type)) is column.type:
        return column
    return pa.chunked_array([_plainer(chunk, plainer) for chunk in column.chunks], plainer)


def readable_type(kind: pa.DataType) -> pa.DataType:
    """The type in which a column is read: the same, or a plainer one for half floats, views, runs and extensions."""
    if pa.types.is_float16(kind):
        return pa.float32()
    if pa.types.is_string_view(kind):
        return pa.large_string()
    if pa.types.is_binary_view(kind):
        return pa.large_binary()
    if pa.types.is_run_end_encoded(kind):
        return readable_type(kind.value_type)
    return readable_type(kind.storage_type) if isinstance(kind, pa.BaseExtensionType) else kind


def _plainer(array: pa.Array, kind: pa.DataType) -> pa.Array:
    if pa.types.is_run_end_encoded(array.type):
        return _plainer(pc.run_end_decode(array), kind)
    if isinstance(array, pa.ExtensionArray):
        return _plainer(array.storage, kind)
    return array.cast(kind)
