"""From Arrow's columns to plain arrays: what counts as a number, a text, a list, and how each is unpacked."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from yarnml.errors import DataError

Matrix = npt.NDArray[np.float32]  # [rows, numbers]


def plain(kind: pa.DataType) -> pa.DataType:
    """What a dictionary holds."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def is_number(kind: pa.DataType) -> bool:
    kind = plain(kind)
    return (
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_decimal(kind)
    )


def is_text(kind: pa.DataType) -> bool:
    kind = plain(kind)
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def is_list(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)


def single(column: pa.ChunkedArray) -> pa.Array:
    """One array, dictionaries decoded."""
    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def whole(column: pa.ChunkedArray, name: str, where: str, remedy: str = "fill them or drop these rows") -> pa.Array:
    """One array without nulls, dictionaries decoded."""
    array = single(column)
    if array.null_count:
        raise DataError(f"{where}: column '{name}' has {array.null_count} nulls; {remedy}.")
    return array


def float32(array: pa.Array, name: str, where: str) -> npt.NDArray[np.float32]:
    """Numbers of any type; nulls become NaN."""
    if pa.types.is_null(array.type):  # a table with nothing in the column
        array = array.cast(pa.float64())
    if not is_number(array.type):
        raise DataError(f"{where}: column '{name}' must hold numbers, not {array.type}.")
    if pa.types.is_boolean(array.type) or pa.types.is_decimal(array.type):
        array = array.cast(pa.float32() if pa.types.is_boolean(array.type) else pa.float64())
    with np.errstate(over="ignore"):  # what float32 can't hold becomes infinite, and is reported like infinity
        return array.to_numpy(zero_copy_only=False).astype(np.float32, copy=False)


def float64(array: pa.Array) -> npt.NDArray[np.float64]:
    """The same for a column that is known to hold numbers, as exact as it goes."""
    return array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)


def order_of(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """A number for each row, equal for equal values: the place at which the value first comes; -1 for null."""
    return single(column).dictionary_encode().indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
