"""From Arrow's columns to plain arrays: the types that are numbers, texts or lists, and how each is unpacked."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from yarnml.errors import DataError

Array = npt.NDArray[Any]
"""An array of any shape and type on the host, NumPy's; those that JAX computes with are `jax.Array`."""

Matrix = npt.NDArray[np.float32]
"""[rows, numbers]."""

Places = npt.NDArray[np.int64]
"""[values]: where each value belongs: a row, or a place in a row."""


def value_type(kind: pa.DataType) -> pa.DataType:
    """The type of the values, for a dictionary that of its values."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def is_number(kind: pa.DataType) -> bool:
    kind = value_type(kind)
    return (
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_decimal(kind)
    )


def is_text(kind: pa.DataType) -> bool:
    kind = value_type(kind)
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def is_list(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)


def one_array(column: pa.ChunkedArray) -> pa.Array:
    """A column as one array, dictionaries decoded."""
    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def without_nulls(
    column: pa.ChunkedArray, name: str, where: str, remedy: str = "fill them or drop these rows"
) -> pa.Array:
    """A column as one array, dictionaries decoded; DataError where it has nulls."""
    array = one_array(column)
    if array.null_count:
        raise DataError(f"{where}: column '{name}' has {array.null_count} nulls; {remedy}.")
    return array


def float32(array: pa.Array, name: str, where: str) -> npt.NDArray[np.float32]:
    """Convert numbers of any type; nulls become NaN.  DataError for a column of no numbers."""
    if pa.types.is_null(array.type):  # a table with nothing in the column
        array = array.cast(pa.float64())
    if not is_number(array.type):
        raise DataError(f"{where}: column '{name}' must hold numbers, not {array.type}.")
    if pa.types.is_boolean(array.type) or pa.types.is_decimal(array.type):
        array = array.cast(pa.float32() if pa.types.is_boolean(array.type) else pa.float64())
    with np.errstate(over="ignore"):  # what float32 can't hold becomes infinite, and is reported like infinity
        return array.to_numpy(zero_copy_only=False).astype(np.float32, copy=False)


def float64(array: pa.Array) -> npt.NDArray[np.float64]:
    """Convert a column that is known to hold numbers, as exactly as float64 can."""
    return array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)


def value_numbers(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """A number for each row, equal for equal values: the place at which the value first comes; -1 for null."""
    return one_array(column).dictionary_encode().indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
