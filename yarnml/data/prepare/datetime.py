"""Numbers of dates and instants: year, month, weekday, hour and others, and the days since a date."""

import re
from collections.abc import Callable
from datetime import UTC
from datetime import datetime as Instant
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from yarnml.data.arrays import Matrix, float64, is_text
from yarnml.data.prepare import hashed, numeric
from yarnml.data.prepare.base import NUMBERS
from yarnml.errors import DataError
from yarnml.job.prepare import Datetime

_MICROSECONDS_OF_DAY = 86_400_000_000

PARTS: dict[str, Callable[[Any], Any]] = {
    "year": pc.year,
    "quarter": pc.quarter,
    "month": pc.month,
    "week": pc.iso_week,
    "day": pc.day,
    "day_of_year": pc.day_of_year,
    "weekday": pc.day_of_week,
    "hour": pc.hour,
    "minute": pc.minute,
    "second": pc.second,
    "weekend": lambda instants: pc.greater_equal(pc.day_of_week(instants), 5),
}
"""Weekdays count from Monday, 0."""

PERIODS = {
    "quarter": 4,
    "month": 12,
    "week": 53,
    "day": 31,
    "day_of_year": 366,
    "weekday": 7,
    "hour": 24,
    "minute": 60,
    "second": 60,
}
"""How many there are of a part until it comes again."""

DATE_LENGTH = len("2026-01-31")

find = numeric.find_nothing
learn = hashed.learn


def needs(step: Datetime, kind: pa.DataType) -> str | None:
    return None if is_text(kind) or pa.types.is_date(kind) or pa.types.is_timestamp(kind) else "dates, instants or text"


def gives(step: Datetime, kind: pa.DataType) -> pa.DataType:
    return NUMBERS


def names(step: Datetime, column: str) -> list[str]:
    made = []
    for part in step.parts:
        is_circle = step.cyclic and part in PERIODS
        made += [f"{column} {part} sin", f"{column} {part} cos"] if is_circle else [f"{column} {part}"]
    return [*made, *([f"{column} days since {step.since}"] if step.since is not None else [])]


def apply(step: Datetime, column: pa.Array, where: str) -> Matrix:
    instants = _instants(step, column, where)
    numbers = []
    for part in step.parts:
        x = float64(PARTS[part](instants))
        if step.cyclic and part in PERIODS:
            angle = 2 * np.pi * x / PERIODS[part]
            numbers += [np.sin(angle), np.cos(angle)]
        else:
            numbers.append(x)
    if step.since is not None:
        start = Instant.fromisoformat(step.since)
        start = start if start.tzinfo else start.replace(tzinfo=UTC)
        zero = int(pa.scalar(start, pa.timestamp("us", "UTC")).cast(pa.int64()).as_py())
        numbers.append((float64(instants.cast(pa.int64())) - zero) / _MICROSECONDS_OF_DAY)
    return np.stack(numbers, axis=1).astype(np.float32)


def _instants(step: Datetime, column: pa.Array, where: str) -> pa.Array:
    """The column as microseconds without a zone, in UTC."""
    if not is_text(column.type):
        zone = "UTC" if _has_zone(column.type) else None
        return column.cast(pa.timestamp("us", zone), safe=False).cast(pa.timestamp("us"))
    try:
        if step.format is not None:
            return pc.strptime(column, format=step.format, unit="us")
        # one text may name its zone and another not, and a date alone has no time
        named = pc.match_substring_regex(column, r"(Z|[+-]\d\d:?\d\d)$")
        is_date = pc.less_equal(pc.utf8_length(column), DATE_LENGTH)
        whole = pc.if_else(is_date, _joined(column, "T00:00:00Z"), pc.if_else(named, column, _joined(column, "Z")))
        return whole.cast(pa.timestamp("us", "UTC")).cast(pa.timestamp("us"))
    except pa.ArrowException as exc:
        what = f"no date in the format {step.format}" if step.format else "no date of ISO 8601; give datetime a format"
        raise DataError(f"{where} holds {_quoted(str(exc))}{what}.") from exc


def _quoted(message: str) -> str:
    """The text that Arrow could not read, as it stands in the data, with a comma behind it."""
    match = re.search(r"'(.*)' as a scalar", message, re.DOTALL)
    return f"{match[1].removesuffix('T00:00:00Z').removesuffix('Z')!r}, " if match else ""


def _joined(column: pa.Array, end: str) -> pa.Array:
    return pc.binary_join_element_wise(column, pa.scalar(end, column.type), pa.scalar("", column.type))


def _has_zone(kind: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(kind) and kind.tz)
