"""What passes over the training data teach: the classes and how often they come, and what the steps of columns learn.

A pass finds what can be found next; a column with several steps that learn takes a pass for each.  `filled` takes the
findings of a whole pass and gives the schema that knows more; when it lacks nothing, training can begin.
"""

from collections.abc import Iterable
from typing import Any

import pyarrow as pa
from msgspec.structs import replace

from yarnml.data.arrays import whole
from yarnml.data.prepare.base import follow, kind_of, lacks, taking
from yarnml.data.prepare.findings import Finding, Values, values
from yarnml.data.rows import column_of
from yarnml.data.schema import Feature, Schema, check_shape, in_order, prepared
from yarnml.errors import DataError, JobFileError
from yarnml.job.prepare import Step

MAX_CLASSES = 10_000

Findings = dict[str, Finding]  # by column; the label's are its different values


def lacking(schema: Schema) -> list[str]:
    """The columns that a pass over the training data has to read; none when the schema is complete."""
    columns = [f.name for f in schema.features if any(map(lacks, f.steps))]
    counted = schema.classes is None or schema.class_weights == "balanced"
    return [*columns, str(schema.label)] if counted else columns


def find(table: pa.Table, schema: Schema, where: str) -> Findings:
    """What some rows of the training data tell of what is lacking."""
    found: Findings = {}
    for name in lacking(schema):
        if name == schema.label:
            found[name] = values(whole(table.column(name), name, where), MAX_CLASSES)
            continue
        feature = next(f for f in schema.features if f.name == name)
        before, step = _next(feature)
        column, at = column_of(table.column(name), feature, schema, where), f"{where}: column '{name}'"
        column = follow(before, column, name, where)
        with taking(step, column, at):
            finding = kind_of(step).find(step, column, at)
        if finding is not None:
            found[name] = finding
    return found


def merged(parts: Iterable[Findings]) -> Findings:
    """The findings of several parts of the rows, in any order."""
    total: Findings = {}
    for part in parts:
        for name, found in part.items():
            total[name] = _sum(total[name], found) if name in total else found
    return total


def filled(schema: Schema, found: Findings) -> Schema:
    """The schema with what a whole pass over the training data has found."""
    features = tuple(_taught(f, found[f.name]) if f.name in found else f for f in schema.features)
    labels = found.get(str(schema.label))
    classes = schema.classes
    if classes is None and isinstance(labels, Values):
        classes = _classes(labels, schema)
    known = replace(schema, features=features, classes=classes)
    known = replace(known, class_weights=_class_weights(known, labels))
    if all(f.width for f in features):
        check_shape(known)
    return known


def _next(feature: Feature) -> tuple[tuple[Step, ...], Step]:
    """The first step that has something to learn, and those before it."""
    at = next(n for n, step in enumerate(feature.steps) if lacks(step))
    return feature.steps[:at], feature.steps[at]


def _taught(feature: Feature, found: Finding) -> Feature:
    before, step = _next(feature)
    at = f"Column '{feature.name}'"
    try:
        learnt = kind_of(step).learn(step, found, at)
    except TypeError as exc:  # values that have no order
        raise DataError(f"{at} holds text in some files and numbers in others; store one type in all.") from exc
    return prepared(replace(feature, steps=(*before, learnt, *feature.steps[len(before) + 1 :])))


def _sum(a: Any, b: Any) -> Finding:
    """Of one column, so of one kind."""
    total: Finding = a.merged(b)
    return total


def _classes(labels: Values, schema: Schema) -> tuple[Any, ...]:
    if labels.too_many:
        raise DataError(
            f"Label '{schema.label}' has more than {labels.most} different values; "
            "if it is a number to predict, set data.label_type: number."
        )
    return in_order((label for label, _ in labels.counts), schema)


def _class_weights(schema: Schema, labels: Finding | None) -> Any:
    """A weight for each class, as soon as the classes, and where they shall be balanced their counts, are known."""
    asked, classes = schema.class_weights, schema.classes
    if isinstance(asked, dict) and classes is not None:
        if unknown := asked.keys() - {str(c) for c in classes}:
            shown = ", ".join(map(str, classes[:8])) + (", …" if len(classes) > 8 else "")
            raise JobFileError(f"data.class_weights: '{min(unknown)}' is none of the classes ({shown}).")
        return tuple(asked.get(str(c), 1.0) for c in classes)
    if asked == "balanced" and classes is not None and isinstance(labels, Values):
        count = dict(labels.counts)
        rows = sum(count.values())
        return tuple(rows / (len(classes) * count[c]) if c in count else 1.0 for c in classes)
    return asked
