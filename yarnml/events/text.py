"""Counts, numbers, times and columns as a person reads them."""

import time
from collections.abc import Mapping, Sequence
from typing import Any


def count_of(number: int, noun: str) -> str:
    """A number of things: '1 worker', '0 workers', '2 workers'."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def first_few(names: Sequence[str], limit: int) -> str:
    """Names in one line: of more than ``limit`` the first, and the number of all others."""
    more = len(names) - limit
    return ", ".join(names[:limit]) + (f" and {more} more" if more > 0 else "")


def format_metrics(metrics: Mapping[str, Any]) -> str:
    """Metrics in one line: 'loss 0.123, accuracy 0.971'.

    Bounds of their errors are left out, and the numbers of single classes, such as 'recall[b]'.
    """
    shown = [name for name in metrics if "[" not in name and name.removesuffix("_error") not in {*metrics} - {name}]
    return ", ".join(f"{name} {metrics[name]:.4g}" for name in shown)


def local_time(seconds: float) -> str:
    """A time in seconds since 1970 as date and time of this machine; empty for 0."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds)) if seconds else ""


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells as lines, with the cells of every column below one another; all rows have as many cells."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(f"{cell:{w}}" for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows)
