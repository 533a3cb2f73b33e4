"""The classes of labels: put in order, and as an array of the labels' type."""

import math
from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from yarnml.data.lookup import MAX_WHOLE
from yarnml.data.schema import Schema
from yarnml.errors import DataError, YarnmlError


def in_order(labels: Iterable[Any], schema: Schema) -> tuple[Any, ...]:
    """Sort surveyed labels into classes; DataError where they can't be put in order."""
    values = set(labels)
    try:
        if any(label != label for label in values):
            raise DataError(f"Label '{schema.label}' holds NaN, which can't be a class; fill or drop these rows.")
        large = [label for label in values if isinstance(label, float) and MAX_WHOLE <= abs(label) < math.inf]
        if large:
            raise DataError(
                f"Label '{schema.label}' holds {large[0]:g}, which is too large to tell classes apart: "
                f"set data.types: {{{schema.label}: text}}."
            )
        return tuple(sorted(values))
    except TypeError as exc:
        raise DataError(
            f"Label '{schema.label}' holds text in some files and numbers in others; store one type in all of them."
        ) from exc


def class_array(classes: tuple[Any, ...], kind: pa.DataType, subject: str, error: type[YarnmlError]) -> pa.Array:
    """The classes as an array of the label's type; raises ``error`` about the ``subject`` where they don't fit."""
    try:
        return pa.array(classes, type=kind)
    except (pa.ArrowException, OverflowError) as exc:
        shown = ", ".join(map(str, classes[:8]))
        raise error(f"{subject}: the column holds {kind}; the classes are {shown}.") from exc
