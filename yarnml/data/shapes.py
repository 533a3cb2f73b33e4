"""The shape of a column: one value in every row, or a list of as many as are needed.

All columns come through here on their way from a table to rows: features, those that steps prepare, label and weight,
in training and in a prediction.
"""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from yarnml.data.arrays import is_list, is_number, one_array
from yarnml.data.layouts import shown
from yarnml.errors import DataError

FILL = "fill them or drop these rows"
"""What to do about nulls, where no step of preparation can fill them."""


UNEVEN = "pad and pool of data.prepare take lists of any length"


def columns_of(table: pa.Table, names: Sequence[str], where: str) -> list[pa.ChunkedArray]:
    """Find columns by name; DataError for one that is missing, or there twice.

    ``where``: the name of the table in errors.
    """
    columns = []
    for name in names:
        places = table.schema.get_all_field_indices(name)
        if not places:
            raise DataError(f"{where} has no column '{name}'; it has {shown(table.column_names) or 'none'}.")
        if len(places) > 1:
            raise DataError(f"{where} has more than one column '{name}'; give them different names.")
        columns.append(table.column(places[0]))
    return columns


def single(column: pa.ChunkedArray, name: str, where: str) -> pa.Array:
    """A column of one value a row as one array, with its nulls; DataError for lists and other nested values."""
    array = one_array(column)
    if pa.types.is_nested(array.type):
        raise DataError(
            f"{where}: column '{name}' holds {array.type}, but one value is needed in every row; "
            "store its parts as columns of their own."
        )
    return array


def without_nulls(array: pa.Array, name: str, where: str, remedy: str = FILL) -> pa.Array:
    """Refuse an array with nulls; raises DataError, else returns it."""
    if array.null_count:
        raise DataError(f"{where}: column '{name}' has {array.null_count} nulls; {remedy}.")
    return array


def numbers_of(column: pa.ChunkedArray, name: str, width: int, where: str) -> pa.Array:
    """The values of all rows behind each other, ``width`` of each: of single values, or of lists of one length.

    Lists of one value are as good as single values.  Nulls among single values and in lists stay.
    """
    if not is_list(column.type):
        array = single(column, name, where)
        if width != 1 and len(array):
            if not (is_number(array.type) or pa.types.is_null(array.type)):
                raise DataError(f"{where}: column '{name}' must hold numbers, {width} in a list, not {array.type}.")
            raise DataError(
                f"{where}: column '{name}' needs a list of {width} numbers in every row, but holds {array.type}; "
                "put the numbers of a row into one list."
            )
        return array
    array = without_nulls(one_array(column), name, where)
    if not pa.types.is_fixed_size_list(array.type) or array.type.list_size != width:
        lengths = pc.unique(pc.list_value_length(array)).to_pylist()
        if odd := [length for length in lengths if length != width]:
            needed = f"lists of {width} numbers" if width != 1 else "a number, or a list of one, in every row"
            raise DataError(f"{where}: column '{name}' needs {needed}, found one of {odd[0]}; {UNEVEN}.")
    if pa.types.is_nested(array.type.value_type):
        raise DataError(
            f"{where}: column '{name}' holds {array.type}, lists within lists; make one list of a row's numbers."
        )
    return array.flatten()
