"""Columns of whole numbers and of decimals beside any number, exactly: as numbers compare, whatever their types."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal

import pyarrow as pa
import pyarrow.compute as pc

from yarnml.data.arrays import is_number

COMPARISONS = {
    "=": pc.equal,
    "!=": pc.not_equal,
    "<": pc.less,
    "<=": pc.less_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
}
"""The functions of Arrow by their operators."""

MAX_DIGITS = 38
"""Digits of the longest whole number that a column can hold: those of a decimal of 128 bits."""

_EXACT = Context(prec=20_000)  # of every number that a condition may hold
_MIRRORED = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


def is_exact(kind: pa.DataType) -> bool:
    """Tell whether a column's numbers are whole, or whole numbers of some part of one."""
    return is_number(kind) and not pa.types.is_floating(kind) and not pa.types.is_boolean(kind)


def compared(column: pc.Expression, kind: pa.DataType, operator: str, number: Decimal) -> pc.Expression:
    """The comparison of a column of this type with a number that its type may not be able to hold."""
    least, greatest = _bounds(kind)
    number = number.scaleb(_scale(kind), _EXACT)
    if operator in ("=", "!="):
        is_one = least <= number <= greatest and number == number.to_integral_value()
        if is_one:
            return COMPARISONS[operator](column, _scalar(number, kind))
        return column.is_valid() if operator == "!=" else pc.scalar(False)
    is_below = operator in ("<", "<=")
    if number < least or number > greatest:
        return column.is_valid() if is_below == (number > greatest) else pc.scalar(False)
    # x > 2.5 is x > 2, and x < 2.5 is x < 3; of a whole number nothing changes.
    edge = number.to_integral_value(ROUND_FLOOR if operator in (">", "<=") else ROUND_CEILING)
    return COMPARISONS[operator](column, _scalar(edge, kind))


def mirrored(operator: str) -> str:
    """The operator that says the same with its sides exchanged."""
    return _MIRRORED[operator]


def members(kind: pa.DataType, numbers: list[Decimal]) -> pa.Array:
    """Those of the numbers that a column of this type can hold."""
    least, greatest = _bounds(kind)
    scaled = [number.scaleb(_scale(kind), _EXACT) for number in numbers]
    held = [n for n in scaled if least <= n <= greatest and n == n.to_integral_value()]
    return pa.array([_scalar(number, kind).as_py() for number in held], kind)


def _scale(kind: pa.DataType) -> int:
    return int(kind.scale) if pa.types.is_decimal(kind) else 0


def _bounds(kind: pa.DataType) -> tuple[int, int]:
    """The least and the greatest number of a type, in units of its last digit."""
    if pa.types.is_decimal(kind):
        return 1 - 10**kind.precision, 10**kind.precision - 1
    if pa.types.is_unsigned_integer(kind):
        return 0, 2**kind.bit_width - 1
    return -(2 ** (kind.bit_width - 1)), 2 ** (kind.bit_width - 1) - 1


def _scalar(number: Decimal, kind: pa.DataType) -> pa.Scalar:
    whole = int(number)
    return pa.scalar(Decimal(whole).scaleb(-kind.scale, _EXACT) if pa.types.is_decimal(kind) else whole, kind)
