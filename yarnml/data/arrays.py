"""From Arrow's columns to plain arrays: the types that are numbers, texts or lists, and how each is unpacked."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from yarnml.errors import DataError

Array = npt.NDArray[Any]
"""An array of any shape and type on the host, NumPy's; those that JAX computes with are `jax.Array`."""

Matrix = npt.NDArray[np.float32]
"""[rows, numbers]."""

MAX_INT64_DIGITS = 18
"""Decimal digits that fit an int64, whatever they are."""

Places = npt.NDArray[np.int64]
"""[values]: where each value belongs: a row, or a place in a row."""


def places_within(lengths: npt.NDArray[Any]) -> Places:
    """[entries]: the place of each entry in its list, where those of all lists lie one behind the other."""
    starts = np.cumsum(lengths) - lengths
    return np.arange(lengths.sum()) - np.repeat(starts, lengths)


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
    if pa.types.is_primitive(kind):
        return False
    kind = plain_type(kind)
    return pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)


def plain_type(kind: pa.DataType) -> pa.DataType:
    """The type that `one_array` gives a column of this one: few types are left for those who look at values."""
    if pa.types.is_primitive(kind):  # asked for every column of every group, of thousands in wide tables
        return kind
    kind = value_type(kind)
    if pa.types.is_decimal(kind):
        return pa.int64() if kind.scale == 0 and kind.precision <= MAX_INT64_DIGITS else pa.float64()
    if pa.types.is_string_view(kind):
        return pa.large_string()
    is_view = pa.types.is_list_view(kind) or pa.types.is_large_list_view(kind)
    return pa.large_list(kind.value_type) if is_view else kind


def one_array(column: pa.ChunkedArray, *, exact: bool = False) -> pa.Array:
    """A column as one array of its plain type, dictionaries decoded.

    ``exact``: decimals stay as they are; float64 holds 15 of their digits.
    """
    kind = value_type(column.type)
    kind = kind if exact and pa.types.is_decimal(kind) else plain_type(kind)
    arrays = [_plain(chunk, kind) for chunk in column.chunks]
    if len(arrays) == 1:
        return arrays[0]
    return pa.concat_arrays(arrays) if arrays else pa.array([], kind)


def _plain(array: pa.Array, kind: pa.DataType) -> pa.Array:
    if pa.types.is_list_view(array.type) or pa.types.is_large_list_view(array.type):
        return _from_view(array)
    if not pa.types.is_dictionary(array.type):
        return array if array.type == kind else array.cast(kind)
    return array.dictionary.cast(kind).take(array.indices)  # dictionary_decode knows fewer types


def _from_view(lists: pa.Array) -> pa.Array:
    """Lists behind each other, of those that lie anywhere; Arrow's own cast loses some where there are nulls."""
    lengths = as_numpy(pc.list_value_length(lists).fill_null(0)).astype(np.int64)
    offsets = pa.array(np.append(0, np.cumsum(lengths)))
    return pa.LargeListArray.from_arrays(offsets, lists.flatten(), mask=lists.is_null())


def as_numpy(array: pa.Array) -> Array:
    """The values of an array, not to be written to; of numbers with nulls, NaN in their places.

    Arrow's own ``to_numpy`` loads pandas where that is installed, half a second of a process's start.
    """
    if array.null_count or not is_number(array.type) or pa.types.is_decimal(array.type):
        return array.to_numpy(zero_copy_only=False)
    if pa.types.is_boolean(array.type):
        return np.from_dlpack(array.cast(pa.uint8())).view(np.bool_)
    return np.from_dlpack(array)


def numeric(array: pa.Array, name: str, where: str) -> Array:
    """Unpack numbers of any type, whole numbers exactly; nulls become NaN.  DataError for a column of no numbers."""
    if pa.types.is_null(array.type):  # a table with nothing in the column
        array = array.cast(pa.float64())
    if not is_number(array.type):
        raise DataError(f"{where}: column '{name}' must hold numbers, not {array.type}.")
    if pa.types.is_boolean(array.type):
        array = array.cast(pa.int8())
    return as_numpy(array.cast(plain_type(array.type)))


def float32(array: pa.Array, name: str, where: str) -> npt.NDArray[np.float32]:
    """Convert numbers of any type; nulls become NaN.  DataError for a column of no numbers."""
    return to_float32(numeric(array, name, where))


def to_float32(values: Array) -> Matrix:
    """Round numbers; what float32 can't hold becomes infinite."""
    with np.errstate(over="ignore"):
        return values.astype(np.float32, copy=False)


def float64(array: pa.Array) -> npt.NDArray[np.float64]:
    """Convert a column that is known to hold numbers, as exactly as float64 can."""
    return as_numpy(array.cast(pa.float64(), safe=False))


def value_numbers(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """A number for each row, equal for equal values: the place at which the value first comes; -1 for null."""
    return as_numpy(one_array(column, exact=True).dictionary_encode().indices.fill_null(-1)).astype(np.int64)
