"""Counts of one column, which add up to the same, to the bit, however the rows were cut."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct

from yarnml.data.arrays import float64, is_list, is_number, is_text, one_array, plain_type
from yarnml.data.prepare.findings import Quantiles, Values, quantiles, values

MAX_VALUES = 10_000
"""Different values up to which they are counted."""

_PLAIN = (str, int, float, bool)
"""Values that a message brings as they are; dates, instants and others are counted as text."""


class ColumnCounts(Struct, frozen=True):
    """The counts of some rows of a column.

    ``rows``, ``nulls``: how many; NaN counts as null.
    ``values``: the different ones; None for types whose values are not compared.
    ``quantiles``: of the numbers; None where there are none yet.
    ``is_numeric``: all values are numbers, dates or instants.  ``is_whole``: all numbers are whole.
    ``words``: of all texts together.
    ``lengths``: the shortest and the longest list.
    """

    rows: int = 0
    nulls: int = 0
    values: Values | None = None
    quantiles: Quantiles | None = None
    is_numeric: bool = True
    is_whole: bool = True
    words: int = 0
    lengths: tuple[int, int] | None = None

    def merged(self, other: "ColumnCounts") -> "ColumnCounts":
        """The counts of the rows of both."""
        lengths = [*(self.lengths or ()), *(other.lengths or ())]
        return ColumnCounts(
            self.rows + other.rows,
            self.nulls + other.nulls,
            self.values.merged(other.values) if self.values and other.values else self.values or other.values,
            _merged_quantiles(self.quantiles, other.quantiles),
            self.is_numeric and other.is_numeric,
            self.is_whole and other.is_whole,
            self.words + other.words,
            (min(lengths), max(lengths)) if lengths else None,
        )


def _merged_quantiles(a: Quantiles | None, b: Quantiles | None) -> Quantiles | None:
    return a.merged(b) if a and b else a or b


class ColumnCounter:
    """Counts one column, group by group.  ``guessed``: of a file that says no types, text that may be numbers."""

    def __init__(self, field: pa.Field, guessed: bool) -> None:
        kind = plain_type(field.type)
        self.counts = ColumnCounts(is_numeric=guessed or is_number(kind) or is_time(kind))

    def add(self, column: pa.ChunkedArray) -> None:
        """Count the rows of one group; what is known to be too much, or no number, is not looked at any more."""
        array = one_array(column)
        present = array.filter(pc.invert(pc.is_null(array, nan_is_null=True)))
        x = _numbers(present) if self.counts.is_numeric and _is_compared(array.type) else None
        own = ColumnCounts(
            len(array),
            len(array) - len(present),
            self._values(present),
            None if x is None else quantiles(x),
            x is not None or (self.counts.is_numeric and not _is_compared(array.type)),
            x is None or bool((x == np.floor(x)).all()),
            (pc.sum(pc.count_substring_regex(present, r"[^\s]+")).as_py() or 0) if is_text(present.type) else 0,
            _lengths(present),
        )
        self.counts = self.counts.merged(own)

    def _values(self, present: pa.Array) -> Values | None:
        """Count the different values of one group, unless there are too many already."""
        so_far = self.counts.values
        if not _is_compared(present.type) or (so_far and so_far.too_many):
            return None
        own = values(present, MAX_VALUES)
        return Values([(_plain(value), rows) for value, rows in own.counts], MAX_VALUES)


def is_time(kind: pa.DataType) -> bool:
    """Tell whether a type is one of dates or instants."""
    return bool(pa.types.is_date(kind) or pa.types.is_timestamp(kind))


def _is_compared(kind: pa.DataType) -> bool:
    return not (pa.types.is_nested(kind) or pa.types.is_null(kind) or pa.types.is_binary(kind))


def _plain(value: Any) -> Any:
    return value if isinstance(value, _PLAIN) else str(value)


def _lengths(present: pa.Array) -> tuple[int, int] | None:
    if not is_list(present.type) or not len(present):
        return None
    low, high = pc.min_max(pc.list_value_length(present)).as_py().values()
    return low, high


def _numbers(present: pa.Array) -> npt.NDArray[np.float64] | None:
    """The numbers of a column without nulls; of dates those that they are stored as; None where they are none."""
    try:
        if pa.types.is_date32(present.type):
            return float64(present.cast(pa.int32()))
        if is_time(present.type):
            return float64(present.cast(pa.int64()))
        return float64(present.cast(pa.int8()) if pa.types.is_boolean(present.type) else present)
    except pa.ArrowException:  # text that is no number after all
        return None
