"""Counts of one column, which add up to the same, to the bit, however the rows were cut."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct

from yarnml.data.arrays import float64, is_list, is_number, is_text, one_array, plain_type
from yarnml.data.prepare.findings import MAX_BINS, Quantiles, Values, quantiles, values

MAX_VALUES = 10_000
"""Different values up to which they are counted, where columns are few."""

MIN_VALUES = 200
MIN_BINS = 1024
VALUES_IN_ALL = 2**21
"""Different values of all columns together, some 200 MB at most."""

BINS_IN_ALL = 2**22
"""Bins of all columns together, 64 MiB."""

TOO_MANY = Values([], -1)
"""Stands for more values than are counted: of most columns of numbers none is kept."""

_PLAIN = (str, int, float, bool)
"""Values that a message brings as they are; dates, instants and others are counted as text."""


class Limits(NamedTuple):
    """The size of the counts of one column: different values, and bins of numbers."""

    values: int = MAX_VALUES
    bins: int = MAX_BINS


FULL = Limits()
"""The limits of a column among few."""


def limits_of(columns: int) -> Limits:
    """The limits for each of so many columns: of very many each has less room."""
    values_each = max(min(VALUES_IN_ALL // max(columns, 1), MAX_VALUES), MIN_VALUES)
    return Limits(values_each, max(min(BINS_IN_ALL // max(columns, 1), MAX_BINS), MIN_BINS))


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
            _merged_values(self.values, other.values),
            _merged_quantiles(self.quantiles, other.quantiles),
            self.is_numeric and other.is_numeric,
            self.is_whole and other.is_whole,
            self.words + other.words,
            (min(lengths), max(lengths)) if lengths else None,
        )


def _merged_values(a: Values | None, b: Values | None) -> Values | None:
    if a is None or b is None:
        return a or b
    return TOO_MANY if a.too_many or b.too_many else _bounded(a.merged(b))


def _bounded(counted: Values) -> Values:
    return TOO_MANY if counted.too_many else counted


def _merged_quantiles(a: Quantiles | None, b: Quantiles | None) -> Quantiles | None:
    return a.merged(b) if a and b else a or b


class ColumnCounter:
    """Counts one column, group by group.  ``guessed``: of a file that says no types, text that may be numbers."""

    def __init__(self, field: pa.Field, guessed: bool, limits: Limits = FULL) -> None:
        kind = plain_type(field.type)
        self._limits = limits
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
            None if x is None else quantiles(x, self._limits.bins),
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
        own = values(present, self._limits.values)
        return _bounded(Values([(_plain(value), rows) for value, rows in own.counts], own.limit))


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
