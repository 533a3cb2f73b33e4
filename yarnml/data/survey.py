"""Passes over the training data that complete the schema: classes and their counts, and all that steps learn.

A pass finds what can be found next; a column with several steps that learn takes a pass for each.  `with_findings` puts
the findings of a whole pass into the schema; when there are no more `columns_to_survey`, training can begin.
"""

import math
from collections.abc import Iterable
from typing import Any

import pyarrow as pa
from msgspec.structs import replace

from yarnml.data.arrays import Places
from yarnml.data.classes import in_order
from yarnml.data.inputs import inputs_of
from yarnml.data.lookup import are_fractions, as_whole_numbers
from yarnml.data.prepare.base import arrow_errors, follow, kind_of, label_kind_of, lacks
from yarnml.data.prepare.findings import Finding, Values, values
from yarnml.data.prior import by_class, find_weights, place_of, prior_of
from yarnml.data.rows import column_to_prepare, plain_column, training_rows
from yarnml.data.schema import Feature, Schema, names_of_columns, prepared
from yarnml.errors import DataError, JobFileError
from yarnml.events.text import first_few
from yarnml.job.prepare import Step, Valued

MAX_CLASSES = 10_000

Findings = dict[str, Finding]
"""By column; the label's are its different values."""


def columns_to_survey(schema: Schema) -> list[str]:
    """The columns that a pass over the training data has to read; none when the schema is complete."""
    features = features_to_survey(schema)
    sees_label = counts_labels(schema) or any(_next_step(f)[1].SEES_LABEL for f in features)
    labels = schema.labels if sees_label else ()
    weights = [schema.weight] if schema.weight and counts_labels(schema) else []
    return list(dict.fromkeys([*names_of_columns(features), *labels, *weights]))


def features_to_survey(schema: Schema) -> list[Feature]:
    """The features whose steps have something left that a pass can learn: of labels only when the classes are known."""
    lacking = [f for f in schema.features if any(map(lacks, f.steps))]
    return [f for f in lacking if schema.classes is not None or not _next_step(f)[1].SEES_LABEL]


def counts_labels(schema: Schema) -> bool:
    """Tell whether the labels of the training data are still to be counted."""
    return schema.classes is None or schema.class_weights == "balanced"


def find(table: pa.Table, schema: Schema, numbers: Places, where: str) -> Findings:
    """The findings of some rows of the training data, for the columns that the schema lacks something of.

    ``numbers`` [rows]: of each among all rows to train on.
    """
    findings: Findings = {}
    for label in schema.labels if counts_labels(schema) else ():
        findings[label] = values(plain_column(table, label, where), MAX_CLASSES)
        if schema.weight:
            findings[place_of(label)] = find_weights(table, label, schema.weight, MAX_CLASSES, where)
    features = features_to_survey(schema)
    for feature, stored in zip(features, inputs_of(table, features, where), strict=True):
        name = feature.name
        earlier, step = _next_step(feature)
        place = f"{where}: column '{name}'"
        column = follow(earlier, column_to_prepare(stored, feature, schema, where), name, where)
        finding: Finding | None
        with arrow_errors(step, column, place):
            if step.SEES_LABEL:
                rows = training_rows(table, schema, numbers, where)
                finding = label_kind_of(step).find_by_label(step, column, rows, place)
            else:
                finding = kind_of(step).find(step, column, place)
        if finding is not None:
            findings[name] = finding
    return findings


def merge_findings(parts: Iterable[Findings]) -> Findings:
    """The findings of several parts of the rows, in any order."""
    total: Findings = {}
    for part in parts:
        for name, finding in part.items():
            total[name] = _sum(total[name], finding) if name in total else finding
    return total


def with_findings(schema: Schema, findings: Findings) -> Schema:
    """The schema with the findings of a whole pass over the training data."""
    if schema.guessed:
        told_apart = {
            f.name for f in schema.features if f.name in findings and f.name not in schema.types and _tells_apart(f)
        }
        findings = {n: _whole(f) if n in told_apart else f for n, f in findings.items()}
        for label in schema.labels if schema.classes is None else ():
            if label in findings and label not in schema.types:
                findings[label] = _whole_labels(findings[label], label)
    features = tuple(_taught(f, findings[f.name]) if f.name in findings else f for f in schema.features)
    labels = merge_findings({"": findings[name]} for name in schema.labels if name in findings).get("")
    classes = schema.classes
    if classes is None and isinstance(labels, Values):
        classes = _classes(labels, schema)
    result = replace(schema, features=features, classes=classes)
    result = replace(result, class_weights=_class_weights(result, labels))
    result = replace(result, prior=prior_of(result, findings))
    if all(f.width for f in features):
        _check_shape(result)
    return result


def _whole(finding: Finding) -> Finding:
    """Take texts that are all whole numbers as such, of data that do not say what is text; nothing else changes."""
    if not isinstance(finding, Values) or finding.too_many:
        return finding
    whole = as_whole_numbers([value for value, _ in finding.counts])
    return Values([(value, rows) for value, (_, rows) in zip(whole, finding.counts, strict=True)], finding.limit)


def _whole_labels(finding: Finding, label: str) -> Finding:
    """Take labels as `_whole` does; DataError where all are numbers, and some of them fractions."""
    seen = [value for value, _ in finding.counts] if isinstance(finding, Values) else []
    if are_fractions(seen):
        raise DataError(
            f"Label '{label}' holds fractions such as {next(v for v in seen if '.' in v)}; if it is a number to "
            "predict, set data.label_type: number, and else list its values in data.classes."
        )
    return _whole(finding)


def _tells_apart(feature: Feature) -> bool:
    """Tell whether the feature's next step to learn is about its different values."""
    return isinstance(_next_step(feature)[1], Valued)


def _next_step(feature: Feature) -> tuple[tuple[Step, ...], Step]:
    """The steps before the first one that has something to learn, and that one."""
    place = next(n for n, step in enumerate(feature.steps) if lacks(step))
    return feature.steps[:place], feature.steps[place]


def _taught(feature: Feature, finding: Finding) -> Feature:
    """The feature after its next step has learnt from a finding."""
    earlier, step = _next_step(feature)
    where = f"Column '{feature.name}'"
    try:
        learnt = kind_of(step).learn(step, finding, where)
    except TypeError as exc:  # values that have no order
        raise DataError(f"{where} holds text in some files and numbers in others; store one type in all.") from exc
    return prepared(replace(feature, steps=(*earlier, learnt, *feature.steps[len(earlier) + 1 :])))


def _sum(a: Any, b: Any) -> Finding:
    """Merge two findings of one column, which are of one kind."""
    total: Finding = a.merged(b)
    return total


def _classes(labels: Values, schema: Schema) -> tuple[Any, ...]:
    if labels.too_many:
        raise DataError(
            f"Label '{schema.label}' has more than {labels.limit} different values; "
            "if it is a number to predict, set data.label_type: number."
        )
    classes = in_order((label for label, _ in labels.counts), schema)
    if schema.label_shape and len(classes) != 2:
        raise DataError(
            f"Of several labels each holds the same two classes, but {_quoted(schema.labels)} hold "
            f"{first_few([str(c) for c in classes], 5)}; name both in data.classes, or set data.label_type: number."
        )
    return classes


def _quoted(names: Iterable[str]) -> str:
    return first_few([f"'{name}'" for name in names], 5)


def _class_weights(schema: Schema, labels: Finding | None) -> Any:
    """A weight for each class, as soon as the classes, and where they shall be balanced their counts, are known."""
    given = schema.class_weights
    classes = schema.classes
    if isinstance(given, dict) and classes is not None:
        if unknown := given.keys() - {str(c) for c in classes}:
            shown = ", ".join(map(str, classes[:8])) + (", …" if len(classes) > 8 else "")
            raise JobFileError(f"data.class_weights: '{min(unknown)}' is none of the classes ({shown}).")
        return tuple(given.get(str(c), 1.0) for c in classes)
    if given == "balanced" and classes is not None and isinstance(labels, Values):
        count = by_class(labels.counts, classes)
        rows = sum(n for _, n in labels.counts)
        return tuple(rows / (len(classes) * count[c]) if c in count else 1.0 for c in classes)
    return given


def _check_shape(schema: Schema) -> None:
    """Refuse a shape that does not hold as many numbers as a row has; raises JobFileError."""
    if schema.shape is not None and math.prod(schema.shape) != schema.width:
        raise JobFileError(
            f"data.shape {list(schema.shape)} holds {math.prod(schema.shape)} numbers, "
            f"but the feature columns hold {schema.width}; make them agree."
        )
