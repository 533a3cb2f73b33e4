"""Facts about one column, added up group by group: exact counts, and quantiles by the histogram of `Quantiles`."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct

from yarnml.data.arrays import float64, is_list, is_number, is_text, one_array, plain_type
from yarnml.data.prepare.findings import Quantiles, Values, quantiles, values

MAX_VALUES = 10_000
"""Different values up to which they are counted."""

SHARES = [0.0, 0.25, 0.5, 0.75, 1.0]
CURVE = [n / 20 for n in range(21)]
"""Shares of the rows at which the numbers of a column are drawn."""
TOP = 5


class ColumnFacts(Struct, frozen=True):
    """A column as a whole.

    ``content``: whole numbers, fractions, booleans, dates, text, lists, nothing, or its type where it is none of these.
    ``rows``, ``nulls``: how many; NaN counts as null.
    ``distinct``: different values; None for more than `MAX_VALUES`, and for lists.
    ``at``: the numbers at `SHARES` of the rows, as they are shown; None for what are no numbers and no dates.
    ``top``: the values that come most often, each with its rows; none where there are more than `MAX_VALUES`.
    ``curve``: the numbers at the shares of `CURVE`; none for what are no numbers.
    ``words``: the mean number of words of a text.
    ``lengths``: the shortest and the longest list.
    """

    name: str
    kind: str
    content: str
    rows: int
    nulls: int
    distinct: int | None = None
    at: list[str] | None = None
    top: list[tuple[str, int]] = []
    words: float = 0.0
    lengths: tuple[int, int] | None = None
    curve: list[float] = []

    @property
    def is_constant(self) -> bool:
        """True where all rows that have a value have the same."""
        return self.distinct is not None and self.distinct <= 1

    @property
    def is_unique(self) -> bool:
        """True where no value comes twice, as far as they were counted: of many rows, more values than were counted."""
        present = self.rows - self.nulls
        return present > 1 and (self.distinct == present if self.distinct is not None else not self.top)


class ColumnCounter:
    """Adds up the facts of one column.  ``guessed``: of a file that says no types, text that may be numbers."""

    def __init__(self, field: pa.Field, guessed: bool) -> None:
        self._field = field
        self._kind = plain_type(field.type)
        self._guessed = guessed
        self._rows = 0
        self._nulls = 0
        self._values: Values | None = None
        self._quantiles: Quantiles | None = None
        self._is_numeric = guessed or is_number(self._kind) or _is_time(self._kind)
        self._is_whole = True
        self._words = 0
        self._lengths: tuple[int, int] | None = None

    def add(self, column: pa.ChunkedArray) -> None:
        """Count the rows of one group."""
        array = one_array(column)
        self._rows += len(array)
        present = array.filter(pc.invert(pc.is_null(array, nan_is_null=True)))
        self._nulls += len(array) - len(present)
        if is_list(array.type):
            self._add_lengths(pc.list_value_length(present))
            return
        if pa.types.is_nested(array.type) or pa.types.is_null(array.type) or pa.types.is_binary(array.type):
            return
        if self._values is None or not self._values.too_many:
            counted = values(present, MAX_VALUES)
            self._values = self._values.merged(counted) if self._values else counted
        if self._is_numeric:
            self._add_numbers(present)
        if is_text(present.type) and len(present):
            self._words += pc.sum(pc.count_substring_regex(present, r"[^\s]+")).as_py() or 0

    def _add_numbers(self, present: pa.Array) -> None:
        try:
            x = _numbers(present)
        except pa.ArrowException:  # text that is no number after all
            self._is_numeric = False
            return
        self._is_whole = self._is_whole and bool((x == np.floor(x)).all())
        own = quantiles(x)
        self._quantiles = self._quantiles.merged(own) if self._quantiles else own

    def _add_lengths(self, lengths: pa.Array) -> None:
        if len(lengths):
            low, high = pc.min_max(lengths).as_py().values()
            self._lengths = (min(low, self._lengths[0]), max(high, self._lengths[1])) if self._lengths else (low, high)

    def facts(self) -> ColumnFacts:
        """All that the groups together tell."""
        counts = self._values.counts if self._values else []
        too_many = self._values is not None and self._values.too_many
        content = self._content()
        top = sorted(counts, key=lambda pair: (-pair[1], str(pair[0])))[:TOP]
        return ColumnFacts(
            self._field.name,
            "" if self._guessed else str(self._field.type),
            content,
            self._rows,
            self._nulls,
            None if too_many or self._values is None else len(counts),
            self._shown_quantiles(content),
            [] if too_many else [(str(value), rows) for value, rows in top],
            self._words / max(self._rows - self._nulls, 1),
            self._lengths,
            self._quantiles.at(CURVE) if self._has_numbers(content) and self._quantiles else [],
        )

    def _content(self) -> str:
        if is_list(self._kind):
            return "lists"
        if self._rows == self._nulls:
            return "nothing"
        if pa.types.is_boolean(self._kind) or (self._guessed and self._only_booleans()):
            return "booleans"
        if _is_time(self._kind):
            return "dates"
        if self._is_numeric:
            return "whole numbers" if self._is_whole else "fractions"
        return "text" if is_text(self._kind) else str(self._kind)

    def _only_booleans(self) -> bool:
        """Tell whether all texts are true or false."""
        assert self._values
        return {str(value).lower() for value, _ in self._values.counts} <= {"true", "false"}

    def _has_numbers(self, content: str) -> bool:
        return (
            content in ("whole numbers", "fractions") and self._quantiles is not None and not self._quantiles.is_empty
        )

    def _shown_quantiles(self, content: str) -> list[str] | None:
        if content not in ("whole numbers", "fractions", "dates") or not self._quantiles or self._quantiles.is_empty:
            return None
        numbers = self._quantiles.at(SHARES)
        if content != "dates":
            return [f"{number:.6g}" for number in numbers]
        width = pa.int32() if pa.types.is_date32(self._kind) or pa.types.is_time32(self._kind) else pa.int64()
        return [str(pa.scalar(int(number), pa.int64()).cast(width).cast(self._kind)) for number in numbers]


def _is_time(kind: pa.DataType) -> bool:
    return bool(pa.types.is_date(kind) or pa.types.is_timestamp(kind))


def _numbers(present: pa.Array) -> Any:
    """The numbers of a column without nulls; of dates and instants those that they are stored as."""
    if pa.types.is_date32(present.type):
        return float64(present.cast(pa.int32()))
    if _is_time(present.type):
        return float64(present.cast(pa.int64()))
    if pa.types.is_boolean(present.type):
        return float64(present.cast(pa.int8()))
    return float64(present)
