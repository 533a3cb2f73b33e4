"""Conditions on metrics, such as ``roc_auc > @production.roc_auc and loss < 0.3``: parsed, never run as code."""

import ast
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from yarnml.errors import JobFileError

Metrics = Mapping[str, Mapping[str, float]]
"""The metrics of a version, by part of the data."""

Find = Callable[[str], Metrics | None]
"""Finds the metrics of an alias; None where it names no version."""

MAX_LENGTH = 500

_MARK = "alias_"
_COMPARISONS: dict[type, Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_ARITHMETIC: dict[type, Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


class _NoVersion(Exception):
    """An alias names no version yet."""


def holds(condition: str, own: Metrics, find: Find) -> bool:
    """Tell whether a condition holds for a version with the metrics ``own``.

    A comparison with an alias that names no version yet holds.  JobFileError says what can't be understood.
    """
    if len(condition) > MAX_LENGTH:
        raise JobFileError(f"--if takes {MAX_LENGTH} characters at most, not {len(condition)}.")
    text = re.sub(r"@([A-Za-z][A-Za-z0-9_]*)", rf"{_MARK}\1", condition)
    try:
        tree = ast.parse(text.strip(), mode="eval").body
        return _Interpreter(condition, own, find).truth(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as exc:
        raise _refused(condition) from exc
    except ZeroDivisionError as exc:
        raise JobFileError(f"--if '{condition}' divides by 0.") from exc


class _Interpreter:
    """Works out one condition."""

    def __init__(self, condition: str, own: Metrics, find: Find) -> None:
        self._condition = condition
        self._own = own
        self._find = find

    def truth(self, node: ast.expr) -> bool:
        match node:
            case ast.BoolOp(ast.And(), values):
                truths = [self.truth(value) for value in values]  # all of them, so that none has an unknown metric
                return all(truths)
            case ast.BoolOp(ast.Or(), values):
                truths = [self.truth(value) for value in values]
                return any(truths)
            case ast.UnaryOp(ast.Not(), operand):
                return not self.truth(operand)
            case ast.Compare(left, operators, comparators):
                return self._compare([left, *comparators], [type(o) for o in operators])
        raise _refused(self._condition)

    def _compare(self, operands: list[ast.expr], operators: list[type]) -> bool:
        if any(kind not in _COMPARISONS for kind in operators):
            raise _refused(self._condition)
        try:
            values = [self._number(operand) for operand in operands]
        except _NoVersion:
            return True
        pairs = zip(operators, values, values[1:], strict=False)
        return all(_COMPARISONS[kind](left, right) for kind, left, right in pairs)

    def _number(self, node: ast.expr) -> float:
        match node:
            case ast.Constant(value) if isinstance(value, int | float) and not isinstance(value, bool):
                return float(value)
            case ast.UnaryOp(ast.USub(), operand):
                return -self._number(operand)
            case ast.BinOp(left, kind, right) if type(kind) in _ARITHMETIC:
                return _ARITHMETIC[type(kind)](self._number(left), self._number(right))
            case ast.Name() | ast.Attribute():
                return self._metric(_path(node, self._condition))
        raise _refused(self._condition)

    def _metric(self, path: list[str]) -> float:
        """The metric at a path: [metric] or [part, metric], behind an alias or not."""
        metrics: Metrics | None = self._own
        if path[0].startswith(_MARK):
            metrics = self._find(path[0].removeprefix(_MARK))
            path = path[1:]
        if metrics is None:
            raise _NoVersion
        value = metric_of(metrics, path)
        if value is None:
            known = sorted({f"{part}.{name}" for part, values in metrics.items() for name in values if "[" not in name})
            raise JobFileError(f"--if: there is no metric '{'.'.join(path)}'; there are {', '.join(known) or 'none'}.")
        return value


def metric_of(metrics: Metrics, path: list[str]) -> float | None:
    """The metric at [metric] or [part, metric]; without a part, of the test data, else of the first that has it."""
    parts = {"test": metrics.get("test", {}), **metrics}
    if len(path) == 2:
        return parts.get(path[0], {}).get(path[1])
    values = [values[path[0]] for values in parts.values() if len(path) == 1 and path[0] in values]
    return values[0] if values else None


def _path(node: ast.expr, condition: str) -> list[str]:
    match node:
        case ast.Name(name):
            return [name]
        case ast.Attribute(value, name):
            return [*_path(value, condition), name]
    raise _refused(condition)


def _refused(condition: str) -> JobFileError:
    return JobFileError(
        f"--if '{condition}' is no condition: compare metrics and numbers by <, <=, >, >=, ==, != and join "
        "comparisons by and, or, not, such as 'roc_auc > @production.roc_auc and test.loss < 0.3'."
    )
