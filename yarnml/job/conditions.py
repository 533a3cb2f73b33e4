"""The condition of ``data.where`` as a tree of comparisons.

The tree holds no ``not``: `yarnml.job.where` carries it down to the comparisons.  So a row is chosen where the tree is
true, and null counts as false, as in SQL.
"""

from collections.abc import Iterator
from typing import NamedTuple


class Column(NamedTuple):
    """A column by its name."""

    name: str


class Value(NamedTuple):
    """A value; ``source``: as it stands in the condition, for a column that holds text."""

    value: str | float | int | bool
    source: str


class Compare(NamedTuple):
    """``operator``: =, !=, <, <=, > or >=."""

    operator: str
    left: Column | Value
    right: Column | Value


class In(NamedTuple):
    """A test that a column has one of these values; ``negated``: or none of them."""

    column: Column
    values: tuple[Value, ...]
    negated: bool


class Like(NamedTuple):
    """A test that a column's text fits a pattern, with % for any characters and _ for one."""

    column: Column
    pattern: str
    negated: bool


class IsNull(NamedTuple):
    """A test that a column has no value in a row."""

    column: Column
    negated: bool


class Both(NamedTuple):
    """Two conditions that must both be true."""

    left: "Condition"
    right: "Condition"


class Either(NamedTuple):
    """Two conditions of which one must be true."""

    left: "Condition"
    right: "Condition"


Condition = Compare | In | Like | IsNull | Both | Either


def columns_of(condition: Condition) -> dict[str, list[Value]]:
    """The columns of a condition, in order, each with the values that it is compared with."""
    columns: dict[str, list[Value]] = {}
    for column, values in _compared(condition):
        columns.setdefault(column.name, []).extend(values)
    return columns


def _compared(condition: Condition) -> Iterator[tuple[Column, tuple[Value, ...]]]:
    match condition:
        case Both() | Either():
            yield from _compared(condition.left)
            yield from _compared(condition.right)
        case In():
            yield condition.column, condition.values
        case Like():
            yield condition.column, (Value(condition.pattern, condition.pattern),)
        case IsNull():
            yield condition.column, ()
        case Compare():
            sides = (condition.left, condition.right)
            values = tuple(side for side in sides if isinstance(side, Value))
            yield from ((side, values) for side in sides if isinstance(side, Column))
