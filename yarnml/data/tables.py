"""Tables, columns and arrays in the memory of a Python program, of any library, as Arrow's or NumPy's.

No library of data frames is imported: whoever has a frame of one has loaded it.
"""

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from yarnml.data.arrays import Array
from yarnml.data.readable import readable_column, readable_table
from yarnml.errors import DataError, first_line

_FOREIGN = (pa.ArrowException, TypeError, ValueError, OverflowError)


def table_of(data: Any, user: str) -> pa.Table | None:
    """Make a table of anything that has named columns, without the index of a pandas frame; None for the rest.

    Its types are those in which files are read, so that a model takes the table that it was trained on.
    ``user``: the function that needs it, as errors name it.  Raises DataError for columns that Arrow can't hold.
    """
    try:
        if isinstance(data, Mapping):
            return readable_table(pa.table({name: _column(values) for name, values in data.items()}))
        if _is_of_pandas(data, "DataFrame"):
            return readable_table(pa.Table.from_pandas(data, preserve_index=False).replace_schema_metadata(None))
        if hasattr(data, "__arrow_c_stream__") or hasattr(data, "__arrow_c_array__"):
            return readable_table(pa.table(data))
    except _FOREIGN as exc:
        raise DataError(f"{user} can't make a table of this {type(data).__name__}: {first_line(exc)}") from exc
    return None


def column_of(data: Any, user: str, what: str) -> pa.ChunkedArray:
    """Make a column of a list, a one-dimensional array or a series; DataError, which says ``what``, for the rest."""
    try:
        if np.ndim(data) != 1:
            raise DataError(f"{user} needs {what} as one value for each row, got the shape {list(np.shape(data))}.")
        array = _column(data)
        if hasattr(array, "__arrow_c_stream__") and not isinstance(array, pa.Array):
            return readable_column(pa.chunked_array(array))
        chunk = array if isinstance(array, pa.Array) else pa.array(array, from_pandas=True)
        return readable_column(pa.chunked_array([chunk]))
    except _FOREIGN as exc:
        raise DataError(f"{user} can't make a column of {what}, a {type(data).__name__}: {first_line(exc)}") from exc


def columns_of_rows(data: Any, user: str, what: str) -> list[pa.ChunkedArray]:
    """Make columns of a table, or of an array [rows, columns]; of anything else the one that `column_of` makes."""
    table = None if is_column(data) else table_of(data, user)
    if table is not None:
        return list(table.columns)
    if np.ndim(data) == 2:
        return [column_of(column, user, what) for column in np.asarray(data).T]
    return [column_of(data, user, what)]


def array_of(data: Any, user: str) -> Array:
    """Make an array of numbers; what is masked becomes NaN.  DataError for what are no numbers."""
    if np.ma.isMaskedArray(data):
        data = np.ma.filled(data.astype(np.float64), np.nan)
    try:
        x = np.asarray(data)
        if x.dtype.kind in "cmMV":  # NumPy would drop a part of them, or take them for numbers
            raise DataError(f"{user} needs a table or an array of numbers, got an array of {x.dtype}.")
        return x if x.dtype.kind in "fiu" else x.astype(np.float64)
    except (TypeError, ValueError, OverflowError) as exc:
        raise DataError(f"{user} needs a table or an array of numbers, got a {type(data).__name__}: {exc}") from exc


def is_column(data: Any) -> bool:
    """Tell a series of a library of frames from a frame: both may speak Arrow's C interface."""
    return _is_of_pandas(data, "Series") or isinstance(data, pa.Array | pa.ChunkedArray) or _is_series_of_polars(data)


def _column(values: Any) -> Any:
    """The values of a column as Arrow takes them: rows of a matrix become lists; NaN of a pandas series is null."""
    if _is_of_pandas(values, "Series"):
        return pa.Array.from_pandas(values)
    return list(values) if getattr(values, "ndim", 1) > 1 else values


def _is_of_pandas(data: Any, name: str) -> bool:
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(data, getattr(pandas, name))


def _is_series_of_polars(data: Any) -> bool:
    polars = sys.modules.get("polars")
    return polars is not None and isinstance(data, polars.Series)
