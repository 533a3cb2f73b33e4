"""The label in a sentence, for the first lines of a run: how many classes it has, or which numbers."""

from collections.abc import Mapping

from yarnml.data.arrays import Array
from yarnml.data.schema import Schema
from yarnml.events.text import first_few

FEW_CLASSES = 50
"""Whole numbers of more different values are likely a number to predict."""
_MAX_NAMES = 5


def range_text(labels: Mapping[str, Array]) -> str:
    """Describe number labels by their first values, ascending; empty where there are none."""
    ranges = [f"label '{name}': numbers, {y[0]:.6g} to {y[-1]:.6g}" for name, y in labels.items() if len(y)]
    return f"{first_few(ranges, _MAX_NAMES)} in the first rows" if ranges else ""


def classes_text(schema: Schema) -> str:
    """Describe a label of classes; empty for another one."""
    if schema.label_type != "class" or not schema.classes:
        return ""
    names = first_few([str(c) for c in schema.classes], _MAX_NAMES)
    if schema.label_shape:
        return f"labels {first_few(schema.labels, _MAX_NAMES)}: {len(schema.classes)} classes each, {names}"
    return f"label '{schema.label}': {len(schema.classes)} classes, {names}"


def classes_warning(schema: Schema) -> list[str]:
    """Tell of whole numbers that are many classes, in one sentence."""
    classes = schema.classes or ()
    if schema.label_type != "class" or len(classes) <= FEW_CLASSES or not all(isinstance(c, int) for c in classes):
        return []
    return [
        f"the {len(classes)} classes of '{schema.label}' are whole numbers: to predict a number, set "
        "data.label_type: number"
    ]
