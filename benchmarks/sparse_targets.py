"""The targets of models of keys, beside what was measured in the same run."""

import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from benchmarks.peers.process import Answer

Taken = Mapping[str, Sequence[Answer]]
"""The answers of each row of a table."""

LOOP = "a loop in numba"
VW = "Vowpal Wabbit"
ONE = "yarnml, 1 worker"


class Target(NamedTuple):
    """A speed: how many times as fast ``fast`` is as ``slow``, rows of one table, by a field of their answers."""

    table: str
    fast: str
    slow: str
    least: float
    field: str = "seconds"


TWO_WORKERS = (
    ("2 workers", 8192, 1.0),
    ("2 workers", 32768, 1.4),
    ("2 workers, a delay", 8192, 1.25),
    ("2 workers, a delay", 32768, 1.6),
)
"""Beside one worker on one core, as each of the two has, which is what the targets were set by; and on both."""

TARGETS = (
    Target("ftrl", ONE, LOOP, 0.8),
    Target("adagrad", ONE, LOOP, 0.6),
    Target("factors", ONE, LOOP, 0.8),
    Target("ftrl", ONE, VW, 2.5),
    Target("ftrl", ONE, VW, 1.5, "first"),
    Target("dlrm", ONE, "its network in JAX", 0.7),
    Target("dlrm", ONE, "torch", 1.3),
    *(
        Target(f"workers {rows}", fast, slow, least)
        for slow in ("1 worker, 1 core", "1 worker")
        for fast, rows, least in TWO_WORKERS
    ),
    *(
        Target(f"workers {rows}", "2 workers, sharded", "2 workers, sharded, no followers", 0.85)
        for rows in (8192, 32768)
    ),
)
MOST_AUC = 0.0005
"""The distance from Vowpal Wabbit's area under the ROC curve."""


def compared(taken: Mapping[str, Taken]) -> list[list[str]]:
    """A line for each target, with medians; '-' for what was not measured."""
    lines = [["", "measured", "target"]]
    for target in TARGETS:
        fast, slow = (_median(taken, target.table, row, target.field) for row in (target.fast, target.slow))
        speed = f"{slow / fast:.3g}" if fast and slow else "-"
        field = "" if target.field == "seconds" else f", {target.field} epoch"
        lines.append([f"{target.table}: {target.fast} by {target.slow}{field}", speed, f"{target.least} or more"])
    areas = [_median(taken, "ftrl", row, "auc") for row in (ONE, VW)]
    distance = f"{abs(areas[0] - areas[1]):.4f}" if areas[0] and areas[1] else "-"
    return [*lines, [f"ftrl: AUC, distance from {VW}", distance, f"{MOST_AUC} or less"]]


def _median(taken: Mapping[str, Taken], table: str, row: str, field: str) -> float | None:
    answers = [answer[field] for answer in taken.get(table, {}).get(row, []) if field in answer]
    return statistics.median(answers) if answers else None
