"""The values of ``one_hot``, ``category`` and ``embedding``: collected from the training data, looked up in any."""

from typing import Any, TypeVar

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from yarnml.data.arrays import Places, is_text, plain_type
from yarnml.data.lookup import places, whole
from yarnml.data.prepare.base import NUMBERS
from yarnml.data.prepare.findings import Finding, Values
from yarnml.data.prepare.findings import values as values_of
from yarnml.data.prepare.labels import LabelSums
from yarnml.errors import DataError
from yarnml.job.prepare import Frequency, Target, Valued

UNKNOWN = -1
NULL = -2
"""Places of values that are not among the step's."""

MAX_RARE = 100_000
"""Different values up to which rare ones are told from frequent ones."""

_Counted = TypeVar("_Counted", Values, LabelSums)


def is_value(kind: pa.DataType) -> bool:
    """Tell whether values of this type can be told apart; fractions must be whole numbers, see `whole`."""
    return is_text(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_floating(kind)


def needs(step: Any, kind: pa.DataType) -> str | None:
    return None if is_value(plain_type(kind)) else "text, whole numbers or booleans"


def gives(step: Any, kind: pa.DataType) -> pa.DataType:
    return NUMBERS


def find(step: Valued, column: pa.Array, where: str) -> Finding | None:
    limit = step.max_values if step.min_count == 1 else max(step.max_values, MAX_RARE)
    return values_of(whole(column, where), limit) if step.values is None else None


def learn(step: Valued, finding: Finding, where: str) -> Valued:
    values = counted(finding, Values, where)
    frequent = sorted(value for value, rows in values.counts if rows >= step.min_count)
    if values.too_many or len(frequent) > step.max_values:
        limit = values.limit if values.too_many else step.max_values
        raise DataError(
            f"{where} has more than {limit} different values in the training data; "
            f"raise max_values of {step.kind}, or choose kind: hash, whose width is fixed."
        )
    return msgspec.structs.replace(step, values=frequent)


def counted(finding: Finding, kind: type[_Counted], where: str) -> _Counted:
    """The finding, which is of this kind.  Raises DataError where the column holds nothing."""
    if not isinstance(finding, kind) or finding.is_empty:
        raise DataError(f"{where} holds nothing but nulls in the training data; leave it out of data.features.")
    return finding


def check_number(finding: Values | LabelSums, step: Frequency | Target, where: str) -> None:
    """Raise DataError where a column holds more values than the step may have."""
    if finding.too_many:
        raise DataError(
            f"{where} has more than {step.max_values} different values in the training data; raise max_values."
        )


def codes(step: Valued, column: pa.Array, where: str) -> Places:
    """The place of each row's value among the step's values; `UNKNOWN` for another one, `NULL` for null."""
    known = step.values or []
    column = whole(column, where)
    try:
        place_or_null = places(column, known)
    except (pa.ArrowException, OverflowError) as exc:
        raise DataError(f"{where} holds {column.type}, but its known values are such as {known[:1]}.") from exc
    unknown = pc.and_not(column.is_valid(), place_or_null.is_valid())
    if step.unknown == "error" and pc.any(unknown).as_py():
        raise DataError(
            f"{where} holds {column.filter(unknown)[0].as_py()!r}, which is none of the values of {step.kind} "
            f"({', '.join(map(str, known[:8]))}{', …' if len(known) > 8 else ''}); "
            "set unknown: ignore, or drop these rows."
        )
    other = UNKNOWN if step.min_count == 1 else len(known)
    place = place_or_null.fill_null(other).to_numpy(zero_copy_only=False).astype(np.int64)
    return np.where(column.is_null().to_numpy(zero_copy_only=False), NULL, place) if column.null_count else place
