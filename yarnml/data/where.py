"""The rows that fulfil ``data.where``: its condition as an expression of Arrow, over columns of known types."""

from decimal import Decimal, InvalidOperation

import pyarrow as pa
import pyarrow.compute as pc

from yarnml.data.arrays import is_number, is_text, one_array, plain_type, value_type
from yarnml.data.layouts import content
from yarnml.data.lookup import MAX_WHOLE
from yarnml.data.whole import COMPARISONS, MAX_DIGITS, compared, is_exact, members, mirrored
from yarnml.errors import DataError, JobFileError
from yarnml.job.conditions import Both, Column, Compare, Condition, Either, In, IsNull, Like, Value

_DIGITS_OF_64_BITS = 20


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
    largest = max(abs(value.value) if isinstance(value.value, int) else 0 for value in values)
    if largest < MAX_WHOLE:  # whatever float64 rounds lies beyond all of them
        return pa.float64()
    if pa.types.is_integer(guessed):
        return guessed
    return pa.float64() if largest < 2**63 else pa.decimal128(MAX_DIGITS)  # numbers that no integer type holds


def matching(table: pa.Table, expression: pc.Expression, columns: pa.Schema, where: str) -> pa.Table:
    """The rows of a table that fulfil a condition on columns of these types; ``where``: its name in errors."""
    typed = {field.name: _typed(table.column(field.name), field, where) for field in columns}
    numbered = pa.table(typed | {"": pa.array(range(table.num_rows), pa.int64())})
    places = numbered.filter(expression).column("")
    return table if len(places) == table.num_rows else table.take(places)


def _typed(column: pa.ChunkedArray, field: pa.Field, where: str) -> pa.Array:
    kind = _type_of(field.type)
    is_rounded = pa.types.is_timestamp(kind) or pa.types.is_floating(kind)  # of ns, µs; of whole numbers in some files
    try:
        return one_array(column, exact=True).cast(kind, safe=not is_rounded)
    except pa.ArrowException as exc:
        raise DataError(
            f"{where}: column '{field.name}' holds {column.type}, which data.where can't take for {field.type}: "
            f"{str(exc).splitlines()[0]}."
        ) from exc


def _type_of(kind: pa.DataType) -> pa.DataType:
    """The type in which a column is compared: decimals as they are."""
    return value_type(kind) if pa.types.is_decimal(value_type(kind)) else plain_type(kind)


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
        return COMPARISONS[condition.operator](*_alike(left.name, right.name, [_type_of(kind) for kind in kinds]))
    column, value = (left, right) if isinstance(left, Column) else (right, left)
    assert isinstance(column, Column)
    assert isinstance(value, Value)
    operator = condition.operator if column is left else mirrored(condition.operator)
    kind = _type_of(columns.field(column.name).type)
    if is_exact(kind):
        return compared(pc.field(column.name), kind, operator, _number(value, column.name, columns))
    return COMPARISONS[operator](pc.field(column.name), pc.scalar(_scalar(value, column.name, columns)))


def _alike(left: str, right: str, kinds: list[pa.DataType]) -> list[pc.Expression]:
    """Two columns as Arrow can compare them, whatever they hold: as they are, as decimals, or as fractions."""
    sides = [pc.field(left), pc.field(right)]
    if kinds[0] == kinds[1] or not all(is_number(kind) for kind in kinds):
        return sides
    if all(map(pa.types.is_integer, kinds)):
        return [side.cast(pa.decimal128(_DIGITS_OF_64_BITS)) for side in sides]
    return [side.cast(pa.float64(), safe=False) for side in sides]


def _is_in(condition: In, columns: pa.Schema) -> pc.Expression:
    name = condition.column.name
    column = pc.field(name)
    kind = _type_of(columns.field(name).type)
    if is_exact(kind):
        is_in = column.isin(members(kind, [_number(value, name, columns) for value in condition.values]))
    else:
        scalars = [_scalar(value, name, columns) for value in condition.values]
        own = scalars[0].type
        values = pa.array([scalar.as_py() for scalar in scalars], own)
        is_in = (column if own == kind else column.cast(own, safe=False)).isin(values)
    return column.is_valid() & ~is_in if condition.negated else is_in


def _scalar(value: Value, name: str, columns: pa.Schema) -> pa.Scalar:
    """A value as one of the type that its column is compared in."""
    try:
        return _converted(value, plain_type(columns.field(name).type))
    except (pa.ArrowException, ValueError, OverflowError, TypeError) as exc:
        raise _other_kind(value, name, columns) from exc


def _number(value: Value, name: str, columns: pa.Schema) -> Decimal:
    """A value as the number that is written there, with all its digits."""
    if isinstance(value.value, bool):
        raise _other_kind(value, name, columns)
    try:
        number = Decimal(value.source)
    except InvalidOperation as exc:
        raise _other_kind(value, name, columns) from exc
    if number.is_nan():
        raise _other_kind(value, name, columns)
    return number


def _other_kind(value: Value, name: str, columns: pa.Schema) -> JobFileError:
    return JobFileError(
        f"data.where compares column '{name}', which holds {columns.field(name).type}, with "
        f"{value.source if not isinstance(value.value, str) else repr(value.value)}; give a value of its kind."
    )


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
    return pa.scalar(float(value.value))
