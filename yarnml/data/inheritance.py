"""The columns of a training that starts from an earlier one: what that has learnt of them stays as it is.

Parameters mean something only with the numbers that they were trained on.  So values that steps have learnt, offsets
and classes are the earlier training's; what new rows have beside them is refused by name, or taken as predictions do.
"""

from typing import Any

import msgspec
from msgspec.structs import replace

from yarnml.data.schema import Feature, Schema
from yarnml.data.survey import with_findings
from yarnml.errors import JobFileError
from yarnml.job.prepare import Step

LEARNT = ("value", "values", "edges", "fold_edges", "classes")
"""The fields of a step that the training data fills in."""


def inherited(schema: Schema, earlier: Schema) -> Schema:
    """The schema of a job with what an earlier training has learnt; JobFileError names what does not go together."""
    _check_names([f.name for f in schema.features], [f.name for f in earlier.features])
    features = tuple(_feature(new, old) for new, old in zip(schema.features, earlier.features, strict=True))
    for name, now, before in [
        ("data.label_scale", schema.label_scale, earlier.label_scale),
        ("data.label_type", schema.label_type, earlier.label_type),
        ("the number of labels", len(schema.labels), len(earlier.labels)),
        ("data.offset", bool(schema.offset), bool(earlier.offset)),
    ]:
        if now != before:
            raise JobFileError(
                f"start_from: {name} is {_words(before)} there and {_words(now)} here; make it the same."
            )
    rows = max(schema.rows, earlier.rows)  # it bounds what a model has room for
    return with_findings(replace(schema, features=features, classes=_classes(schema, earlier), rows=rows), {})


def _check_names(now: list[str], before: list[str]) -> None:
    """Refuse columns that the earlier training does not have, those that only it has, and another order."""
    new = [name for name in now if name not in before]
    gone = [name for name in before if name not in now]
    if new or gone:
        parts = [("does not know", new), ("also needs", gone)]
        difference = " and ".join(f"{verb} {', '.join(map(repr, names))}" for verb, names in parts if names)
        raise JobFileError(f"start_from: the earlier model {difference}; data.features must be {', '.join(before)}.")
    if now != before:
        raise JobFileError(f"start_from: data.features must be in the earlier model's order: {', '.join(before)}.")


def _feature(new: Feature, old: Feature) -> Feature:
    where = f"start_from: column '{new.name}'"
    if [s.kind for s in new.steps] != [s.kind for s in old.steps]:
        steps = [", ".join(s.kind for s in f.steps) or "no steps" for f in (old, new)]
        raise JobFileError(f"{where} has {steps[0]} of data.prepare there and {steps[1]} here; make them the same.")
    for now, before in zip(new.steps, old.steps, strict=True):
        _check_step(where, now, before)
    if new.width not in (0, old.width):
        raise JobFileError(f"{where} has {old.width} numbers there and {new.width} here.")
    return old


def _check_step(where: str, now: Step, before: Step) -> None:
    """Refuse a step with other fields; those that are to be learnt are the earlier ones."""
    for field in msgspec.structs.fields(now):
        given = getattr(now, field.name)
        known = getattr(before, field.name)
        if given == known or (given is None and field.name in LEARNT):
            continue
        if isinstance(given, list) and isinstance(known, list) and (more := [v for v in given if v not in known]):
            shown = ", ".join(map(repr, more[:8]))
            raise JobFileError(f"{where}: {now.kind}.{field.name} has {shown}, which the earlier model does not know.")
        raise JobFileError(f"{where}: {now.kind}.{field.name} is {known} there, not {given}; make it the same.")


def _classes(schema: Schema, earlier: Schema) -> tuple[Any, ...] | None:
    """The earlier classes, all of which the model goes on to have."""
    if schema.label is None or not schema.classes or earlier.classes is None:
        return earlier.classes if schema.label else schema.classes
    if more := [c for c in schema.classes if c not in earlier.classes]:
        shown = ", ".join(map(repr, more[:8]))
        raise JobFileError(f"start_from: data.classes has {shown}, which the earlier model does not know.")
    return earlier.classes


def _words(value: Any) -> str:
    return {True: "given", False: "not given"}.get(value, str(value)) if isinstance(value, bool) else str(value)
