"""The place of each value of a column among known values, whatever the types in which both are stored.

Text and whole numbers are compared by their digits: '1' is 1, and '01' is not.
"""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from yarnml.data.arrays import is_text
from yarnml.errors import DataError

_WHOLE = re.compile(r"(-?(?:0|[1-9][0-9]{0,18}))(?:\.0+)?")
"""A whole number as numbers are written: without leading zeros, as a fraction or not."""

_INT64 = range(-(2**63), 2**63)

MAX_WHOLE = 2.0**53
"""From here on fractions do not hold all whole numbers, so different ones may look alike."""


def places(column: pa.Array, known: Sequence[Any]) -> pa.Array:
    """[rows]: the place of each value among ``known``; null for another one, and for null.

    Raises ArrowException or OverflowError for a column that can't be compared with these.
    """
    if pa.types.is_floating(column.type):
        column = pc.add(column, pa.scalar(0, column.type))  # -0.0 is 0.0
    try:
        return pc.index_in(column, _array_of(known, column.type))
    except (pa.ArrowException, OverflowError):
        return pc.index_in(
            _column_as_text(column, known), pa.array([as_text(value) for value in known], pa.large_string())
        )


def _array_of(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """The values as an array of a type; whole numbers without ``pa.array``, which loads pandas, see `as_numpy`."""
    if pa.types.is_integer(kind) and all(type(value) is int for value in values):
        limits = np.iinfo(kind.to_pandas_dtype())
        if all(limits.min <= value <= limits.max for value in values):
            numbers = np.array(values, limits.dtype)
            return pa.Array.from_buffers(kind, len(numbers), [None, pa.py_buffer(numbers)])
    return pa.array(values, kind)


def _column_as_text(column: pa.Array, known: Sequence[Any]) -> pa.Array:
    text = column.cast(pa.large_string())
    if not is_text(column.type) or all(isinstance(value, str) for value in known):
        return text
    plain = pc.replace_substring_regex(text, r"^(-?[0-9]+)\.0+$", r"\1")
    return pc.utf8_lower(plain) if all(isinstance(value, bool) for value in known) else plain


def as_text(value: Any) -> str:
    """The text that stands for a value in data that hold text alone."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def whole(column: pa.Array, where: str) -> pa.Array:
    """Fractions as the whole numbers that they are, as libraries store those with nulls; any other column as it is.

    DataError for one that is no whole number.
    """
    if not pa.types.is_floating(column.type):
        return column
    present = pc.if_else(pc.is_nan(column), None, column)
    is_odd = pc.or_(pc.not_equal(present, pc.floor(present)), pc.greater_equal(pc.abs(present), MAX_WHOLE))
    odd = present.filter(is_odd.fill_null(False))
    if len(odd):
        is_large = abs(odd[0].as_py()) >= MAX_WHOLE
        remedy = "set data.types to text for it" if is_large else "bucket of data.prepare makes categories of numbers"
        raise DataError(
            f"{where} holds {odd[0].as_py():g}, which is {'too large' if is_large else 'no whole number'}, so it can't "
            f"tell categories apart; {remedy}."
        )
    return present.cast(pa.int64())


def as_whole_numbers(values: Sequence[Any]) -> list[Any]:
    """Texts of which every one is a whole number, without leading zeros, as numbers; any others as they are."""
    matches = [_WHOLE.fullmatch(value) if isinstance(value, str) else None for value in values]
    numbers = [int(match[1]) for match in matches if match and int(match[1]) in _INT64]
    return numbers if len(numbers) == len(set(numbers)) == len(values) else list(values)


def are_fractions(values: Sequence[Any]) -> bool:
    """Tell whether all values are texts of numbers, and not all of these whole."""
    texts = [value for value in values if isinstance(value, str)]
    is_number = all(re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text) for text in texts)
    return len(texts) == len(values) > 0 and is_number and any("." in text for text in texts)
