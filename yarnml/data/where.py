"""The rows that fulfil ``data.where``: its condition as an expression of Arrow, over columns of known types."""

from functools import reduce
from operator import or_
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from yarnml.data.arrays import is_number, is_text, one_array, plain_type
from yarnml.data.layouts import content
from yarnml.errors import DataError, JobFileError
from yarnml.job.conditions import Both, Column, Compare, Condition, Either, In, IsNull, Like, Value

_COMPARISONS = {
    "=": pc.equal,
    "!=": pc.not_equal,
    "<": pc.less,
    "<=": pc.less_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
}


def expression_of(condition: Condition, columns: pa.Schema) -> pc.Expression:
    """The condition over columns of these types; JobFileError for what can't be compared."""
    match condition:
        case Both():
            return expression_of(condition.left, columns) & expression_of(condition.right, columns)
        case Either():
            return expression_of(condition.left, columns) | expression_of(condition.right, columns)
        case IsNull():
            is_null = pc.field(condition.column.name).is_null(nan_is_null=True)
            return ~is_null if condition.negated else is_null
        case Like():
            name = condition.column.name
            if not is_text(columns.field(name).type):
                raise JobFileError(
                    f"data.where: like is for text, but column '{name}' holds {columns.field(name).type}."
                )
            is_like = pc.match_like(pc.field(name), condition.pattern)
            return ~is_like if condition.negated else is_like
        case In():
            return _is_in(condition, columns)
        case Compare():
            return _compared(condition, columns)


def type_to_compare(values: list[Value], guessed: pa.DataType) -> pa.DataType:
    """The type in which to read a column of a file that does not say its types, by what it is compared with."""
    if not values or pa.types.is_binary(guessed):
        return guessed
    if any(isinstance(value.value, str) for value in values):
        return pa.string()
    if all(isinstance(value.value, bool) for value in values):
        return pa.bool_()
    return pa.float64()


def matching(table: pa.Table, expression: pc.Expression, columns: pa.Schema, where: str) -> pa.Table:
    """The rows of a table that fulfil a condition on columns of these types; ``where``: its name in errors."""
    compared = {field.name: _typed(table.column(field.name), field, where) for field in columns}
    numbered = pa.table(compared | {"": pa.array(range(table.num_rows), pa.int64())})
    places = numbered.filter(expression).column("")
    return table if len(places) == table.num_rows else table.take(places)


def _typed(column: pa.ChunkedArray, field: pa.Field, where: str) -> pa.Array:
    try:
        return one_array(column).cast(plain_type(field.type), safe=not pa.types.is_timestamp(field.type))  # of ns, µs
    except pa.ArrowException as exc:
        raise DataError(
            f"{where}: column '{field.name}' holds {column.type}, which data.where can't take for {field.type}: "
            f"{str(exc).splitlines()[0]}."
        ) from exc


def _compared(condition: Compare, columns: pa.Schema) -> pc.Expression:
    left = condition.left
    right = condition.right
    if isinstance(left, Column) and isinstance(right, Column):
        kinds = [columns.field(side.name).type for side in (left, right)]
        if content(kinds[0]) != content(kinds[1]):
            raise JobFileError(
                f"data.where compares column '{left.name}', which holds {kinds[0]}, with column '{right.name}', which "
                f"holds {kinds[1]}."
            )
        return _COMPARISONS[condition.operator](pc.field(left.name), pc.field(right.name))
    name = next(side.name for side in (left, right) if isinstance(side, Column))
    sides = [
        pc.field(name) if isinstance(side, Column) else pc.scalar(_scalar(side, name, columns))
        for side in (left, right)
    ]
    return _COMPARISONS[condition.operator](*sides)


def _is_in(condition: In, columns: pa.Schema) -> pc.Expression:
    name = condition.column.name
    scalars = [_scalar(value, name, columns) for value in condition.values]
    column = pc.field(name)
    kind = plain_type(columns.field(name).type)
    by_type: dict[pa.DataType, list[Any]] = {}
    for scalar in scalars:
        by_type.setdefault(scalar.type, []).append(scalar.as_py())
    parts = [
        (column if own == kind else column.cast(own, safe=False)).isin(pa.array(values, own))
        for own, values in by_type.items()
    ]
    is_in = reduce(or_, parts)
    return column.is_valid() & ~is_in if condition.negated else is_in


def _scalar(value: Value, name: str, columns: pa.Schema) -> pa.Scalar:
    """A value as one of the type that its column is compared in."""
    kind = plain_type(columns.field(name).type)
    try:
        return _converted(value, kind)
    except (pa.ArrowException, ValueError, OverflowError, TypeError) as exc:
        raise JobFileError(
            f"data.where compares column '{name}', which holds {columns.field(name).type}, with "
            f"{value.source if not isinstance(value.value, str) else repr(value.value)}; give a value of its kind."
        ) from exc


def _converted(value: Value, kind: pa.DataType) -> pa.Scalar:
    if pa.types.is_null(kind):
        return pa.scalar(None, pa.null())
    if is_text(kind):
        return pa.scalar(value.source, kind)
    if pa.types.is_temporal(kind) and isinstance(value.value, str):
        plain = pa.timestamp(kind.unit) if pa.types.is_timestamp(kind) else kind  # without a zone it is UTC
        return pa.scalar(value.value).cast(plain).cast(kind)
    if pa.types.is_boolean(kind):
        if value.value not in (False, True):
            raise ValueError
        return pa.scalar(bool(value.value))
    if not is_number(kind) or isinstance(value.value, bool):
        raise TypeError
    number = float(value.value) if isinstance(value.value, str) else value.value
    if pa.types.is_integer(kind) and isinstance(number, int):
        return pa.scalar(number, kind)
    return pa.scalar(float(number))
