"""Fill nulls and NaN: with the mean, the median, the most frequent value, or a constant."""

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from yarnml.data.arrays import Array, float64, is_number, is_text, plain_type
from yarnml.data.lookup import as_whole_numbers, whole
from yarnml.data.prepare.base import NUMBERS
from yarnml.data.prepare.findings import Finding, Quantiles, Sum, Values, exact_sum, quantiles, values
from yarnml.errors import DataError
from yarnml.job.prepare import Impute

MAX_VALUES = 10_000
"""Different values among which the most frequent one is looked for."""


def needs(step: Impute, kind: pa.DataType) -> str | None:
    if is_text(kind):
        fits = isinstance(step.value, str) if step.value is not None else step.strategy == "most_frequent"
        return None if fits else "numbers (of text: strategy most_frequent, or a text as value)"
    if isinstance(step.value, str):
        return f"text to fill with '{step.value}'"
    return None if is_number(kind) else "numbers or text"


def gives(step: Impute, kind: pa.DataType) -> pa.DataType:
    return NUMBERS if step.indicator else _filled(step, kind)


def _filled(step: Impute, kind: pa.DataType) -> pa.DataType:
    """The type of a filled column: text, whole numbers and booleans stay where the value is one, else float64."""
    kind = pa.scalar(step.value).type if pa.types.is_null(kind) else plain_type(kind)
    frequent = step.value is None and step.strategy == "most_frequent"
    whole = pa.types.is_integer(kind) and (frequent or type(step.value) is int)
    boolean = pa.types.is_boolean(kind) and (frequent or type(step.value) is bool)
    return kind if is_text(kind) or whole or boolean else pa.float64()


def find(step: Impute, column: pa.Array, where: str) -> Finding | None:
    if step.value is not None:
        return None
    present = column.filter(pc.invert(_missing(column)))
    if step.strategy == "most_frequent":
        return values(present.cast(_filled(step, column.type)), MAX_VALUES)
    x = float64(present)
    if step.strategy == "median":
        return quantiles(x)
    if not np.isfinite(x).all():
        raise DataError(f"{where} holds infinity, which leaves no mean; give impute strategy: median, or a value.")
    return exact_sum(x)


def learn(step: Impute, finding: Finding, where: str) -> Impute:
    if not isinstance(finding, Values | Sum | Quantiles) or finding.is_empty:
        raise DataError(f"{where} holds nothing in the training data to fill it with; give impute a value.")
    return msgspec.structs.replace(step, value=_learnt(finding, where))


def _learnt(finding: Values | Sum | Quantiles, where: str) -> str | int | float | bool:
    """The value to fill with; of equally frequent ones the smallest."""
    match finding:
        case Sum():
            return finding.mean
        case Quantiles():
            return finding.at([0.5])[0]
        case Values():
            if finding.too_many:
                raise DataError(f"{where} has more than {MAX_VALUES} different values; give impute a value instead.")
            highest = max(rows for _, rows in finding.counts)
            frequent = [value for value, rows in finding.counts if rows == highest]
            sizes = as_whole_numbers(frequent)
            return frequent[sizes.index(min(sizes))]


def names(step: Impute, column: str) -> list[str]:
    return [column, f"{column} is missing"] if step.indicator else [column]


def apply(step: Impute, column: pa.Array, where: str) -> pa.Array | Array:
    if isinstance(step.value, str) and not is_text(column.type):  # learnt from text that stands for such values
        column = whole(column, where).cast(pa.large_string())
    missing = _missing(column)
    kind = _filled(step, column.type)
    filled = pc.if_else(missing, pa.scalar(step.value, kind), column.cast(kind, safe=False))
    if not step.indicator:
        return filled
    return np.stack([float64(filled), missing.to_numpy(zero_copy_only=False)], axis=1)


def _missing(column: pa.Array) -> pa.Array:
    return pc.is_null(column, nan_is_null=True)
