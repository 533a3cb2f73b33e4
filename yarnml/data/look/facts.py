"""Facts about one column, out of what was counted of it: exact, and quantiles by the histogram of `Quantiles`."""

import pyarrow as pa
from msgspec import Struct

from yarnml.data.arrays import is_list, is_text, plain_type
from yarnml.data.look.counts import FULL, ColumnCounts, Limits, is_time
from yarnml.data.look.counts import MAX_VALUES as MAX_VALUES

SHARES = [0.0, 0.25, 0.5, 0.75, 1.0]
CURVE = [n / 20 for n in range(21)]
"""Shares of the rows at which the numbers of a column are drawn."""
TOP = 5
NUMBERS = ("whole numbers", "fractions")


class ColumnFacts(Struct, frozen=True):
    """A column as a whole.

    ``content``: whole numbers, fractions, booleans, dates, text, lists, nothing, or its type where it is none of these.
    ``rows``, ``nulls``: how many; NaN counts as null.
    ``distinct``: different values; None for more than ``counted``, and for lists.
    ``at``: the numbers at `SHARES` of the rows, as they are shown; None for what are no numbers and no dates.
    ``top``: the values that come most often, each with its rows; none where there are more than ``counted``.
    ``curve``: the numbers at the shares of `CURVE`; none for what are no numbers.
    ``words``: the mean number of words of a text.
    ``lengths``: the shortest and the longest list.
    ``counted``: different values up to which they are counted, fewer than `MAX_VALUES` where there are many columns.
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
    counted: int = MAX_VALUES

    @property
    def is_constant(self) -> bool:
        """True where all rows that have a value have the same."""
        return self.distinct is not None and self.distinct <= 1

    @property
    def is_unique(self) -> bool:
        """True where no value comes twice, as far as they were counted: of many rows, more values than were counted."""
        present = self.rows - self.nulls
        if self.distinct is None:
            return present > 1 and not self.top and self.counted == MAX_VALUES
        return present > 1 and self.distinct == present


def facts_of(field: pa.Field, guessed: bool, counts: ColumnCounts, limits: Limits = FULL) -> ColumnFacts:
    """All that the counts of a column tell.  ``guessed``: of a file that says no types, text that may be numbers."""
    kind = plain_type(field.type)
    content = _content(kind, guessed, counts)
    is_counted = counts.values is not None and not counts.values.too_many
    values = counts.values.counts if counts.values and is_counted else []
    top = sorted(values, key=lambda pair: (-pair[1], str(pair[0])))[:TOP]
    numbers = counts.quantiles if counts.quantiles and not counts.quantiles.is_empty else None
    return ColumnFacts(
        field.name,
        "" if guessed else str(field.type),
        content,
        counts.rows,
        counts.nulls,
        len(values) if is_counted else None,
        _shown_numbers(numbers.at(SHARES), kind, content) if numbers and content in (*NUMBERS, "dates") else None,
        [(str(value), rows) for value, rows in top],
        counts.words / max(counts.rows - counts.nulls, 1),
        counts.lengths,
        numbers.at(CURVE) if numbers and content in NUMBERS else [],
        limits.values,
    )


def _content(kind: pa.DataType, guessed: bool, counts: ColumnCounts) -> str:
    if is_list(kind):
        return "lists"
    if counts.rows == counts.nulls:
        return "nothing"
    if pa.types.is_boolean(kind) or (guessed and _has_only_booleans(counts)):
        return "booleans"
    if is_time(kind):
        return "dates"
    if counts.is_numeric:
        return "whole numbers" if counts.is_whole else "fractions"
    return "text" if is_text(kind) else str(kind)


def _has_only_booleans(counts: ColumnCounts) -> bool:
    """Tell whether all texts are true or false."""
    assert counts.values
    return not counts.values.too_many and {str(value).lower() for value, _ in counts.values.counts} <= {"true", "false"}


def _shown_numbers(numbers: list[float], kind: pa.DataType, content: str) -> list[str]:
    if content != "dates":
        return [f"{number:.6g}" for number in numbers]
    width = pa.int32() if pa.types.is_date32(kind) or pa.types.is_time32(kind) else pa.int64()
    return [str(pa.scalar(int(number), pa.int64()).cast(width).cast(kind)) for number in numbers]
