"""The prior of the classes, the share that each has in the training rows, of the pass that counts the labels anyway.

Rows count by their weights, which are added up exactly, and by those of their classes.
"""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa

from yarnml.data.lookup import as_text
from yarnml.data.prepare.exact import UNIT_BITS
from yarnml.data.prepare.findings import Finding, Values
from yarnml.data.prepare.labels import LabelSums, TrainingRows, label_sums
from yarnml.data.rows import plain_column, weights_of
from yarnml.data.schema import Schema

LEAST = 1e-6
"""The share of a class that does not occur, whose logarithm must be finite."""


def place_of(label: str) -> str:
    """The place of a label's sums of weights among findings, which are by column."""
    return f"{label}\0weights"


def find_weights(table: pa.Table, label: str, weight: str, limit: int, where: str) -> LabelSums:
    """Sum the weights of some rows by their labels."""
    numbers = weights_of(plain_column(table, weight, where), weight, where).astype(np.float64)
    rows = TrainingRows(numbers, np.zeros(len(numbers), np.int64), [], 0.0)
    return label_sums(plain_column(table, label, where), rows, 1, limit)


def prior_of(schema: Schema, findings: Mapping[str, Finding]) -> tuple[float, ...]:
    """The `Schema.prior` that a pass has found; the schema's where it did not count labels."""
    classes = schema.classes or ()
    if not classes:
        return schema.prior
    given = schema.class_weights
    factors = np.array(given if isinstance(given, tuple) else [1.0] * len(classes))
    prior: list[float] = []
    for label in schema.labels:
        finding = findings.get(place_of(label)) or findings.get(label)
        if not isinstance(finding, Values | LabelSums):
            return schema.prior
        count = by_class(_amounts(finding), classes)
        rows = factors * [count.get(c, 0.0) for c in classes]
        shares = np.maximum(rows / rows.sum(), LEAST) if rows.sum() > 0 else np.ones(len(classes))
        prior += (shares / shares.sum()).tolist()
    return tuple(prior)


def by_class(amounts: Iterable[tuple[Any, float]], classes: Sequence[Any]) -> dict[Any, float]:
    """The amount of each class that occurs; a value that is none is as its text says."""
    by_text = {as_text(c): c for c in classes}
    known = set(classes)
    return {value if value in known else by_text.get(as_text(value)): amount for value, amount in amounts}


def _amounts(finding: Values | LabelSums) -> list[tuple[Any, float]]:
    """The rows of each value, or their weight."""
    if isinstance(finding, Values):
        return [(value, float(rows)) for value, rows in finding.counts]
    weights = [(value, finding.cells(sums)[0][1]) for value, sums in finding.sums]
    return [(value, float(Fraction(total, 1 << UNIT_BITS))) for value, total in weights]
