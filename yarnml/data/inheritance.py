"""The columns of a training that starts from an earlier one: what that has learnt of them stays as it is.

Parameters mean something only with the numbers that they were trained on.  So values that steps have learnt, offsets
and classes are the earlier training's; what new rows have beside them is refused by name, or taken as predictions do.
Columns, values, words and classes that the job file names may come to them where the learner has `ParameterAxes`.
"""

from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
from msgspec.structs import replace

from yarnml.data.arrays import Places
from yarnml.data.schema import Feature, Schema, prepared
from yarnml.data.survey import with_findings
from yarnml.errors import JobFileError
from yarnml.job.learners.axes import ParameterAxes
from yarnml.job.prepare import UNKNOWN, Embedding, OneHot, Step, Tokens

LEARNT = ("value", "values", "edges", "fold_edges", "classes", "merges")
"""The fields of a step that the training data fills in."""


NO_AXES = ParameterAxes()


class Sources(NamedTuple):
    """For each place of a training, the place of the earlier one that it goes on from; -1 for none.

    ``numbers``: of a row.  ``words``: ids of words; none of columns without.  ``classes``: of the label.
    """

    numbers: Places
    words: Places
    classes: Places


def sources(schema: Schema, earlier: Schema) -> Sources:
    """The places of an `inherited` schema in the earlier one; an id without an earlier one was an unknown word."""
    words = _places(_words_of(schema), _words_of(earlier))
    ids = [feature.ids for feature in schema.features]
    unknown = words[np.repeat(np.cumsum([0, *ids[:-1]]), ids) + UNKNOWN] if sum(ids) else words
    return Sources(
        _places(_numbers_of(schema), _numbers_of(earlier)),
        np.where(words < 0, unknown, words),
        _places(schema.classes or (), earlier.classes or ()),
    )


def _numbers_of(schema: Schema) -> list[tuple[str, str]]:
    return [(feature.name, name) for feature in schema.features for name in feature.names]


def _words_of(schema: Schema) -> list[tuple[str, object]]:
    """A name for the id of each word of each column: the word where it has an id of its own."""
    names: list[tuple[str, object]] = []
    for feature in schema.features:
        step = feature.steps[-1] if feature.ids else None
        own = step.values or [] if isinstance(step, Tokens | Embedding) else []
        names += [(feature.name, place) for place in range(feature.ids - len(own))]
        names += [(feature.name, word) for word in own]
    return names


def _places(names: Sequence[Hashable], earlier: Sequence[Hashable]) -> Places:
    places = {name: place for place, name in enumerate(earlier)}
    return np.array([places.get(name, -1) for name in names], np.int64)


def inherited(schema: Schema, earlier: Schema, axes: ParameterAxes = NO_AXES) -> Schema:
    """The schema of a job with what an earlier training has learnt; JobFileError names what does not go together.

    ``axes``: along which the learner's parameters may be added to.
    """
    known = {f.name: f for f in earlier.features}
    if any(f.ids for f in (*schema.features, *earlier.features)):
        axes = axes._replace(numbers={})  # the first layer sees what becomes of ids beside the numbers
    _check_names([f.name for f in schema.features], [*known], may_grow=bool(axes.numbers))
    features = tuple(_feature(f, known[f.name], axes) if f.name in known else f for f in schema.features)
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
    classes = _classes(schema, earlier, may_grow=bool(axes.classes))
    return with_findings(replace(schema, features=features, classes=classes, rows=rows), {})


def _check_names(now: list[str], before: list[str], *, may_grow: bool) -> None:
    """Refuse columns that the earlier training does not have, those that only it has, and another order.

    ``may_grow``: the learner takes new columns, and any order.
    """
    new = [] if may_grow else [name for name in now if name not in before]
    gone = [name for name in before if name not in now]
    if new or gone:
        parts = [("does not know", new), ("also needs", gone)]
        difference = " and ".join(f"{verb} {', '.join(map(repr, names))}" for verb, names in parts if names)
        raise JobFileError(f"start_from: the earlier model {difference}; data.features must be {', '.join(before)}.")
    if now != before and not may_grow:
        raise JobFileError(f"start_from: data.features must be in the earlier model's order: {', '.join(before)}.")


def _feature(new: Feature, old: Feature, axes: ParameterAxes) -> Feature:
    where = f"start_from: column '{new.name}'"
    if [s.kind for s in new.steps] != [s.kind for s in old.steps]:
        kinds = [", ".join(s.kind for s in f.steps) or "no steps" for f in (old, new)]
        raise JobFileError(f"{where} has {kinds[0]} of data.prepare there and {kinds[1]} here; make them the same.")
    last = len(old.steps) - 1
    steps = tuple(
        _step(where, now, before, may_grow=place == last and _may_grow(before, axes))
        for place, (now, before) in enumerate(zip(new.steps, old.steps, strict=True))
    )
    if steps != old.steps:
        return prepared(replace(old, steps=steps))
    if new.width not in (0, old.width):
        raise JobFileError(f"{where} has {old.width} numbers there and {new.width} here.")
    return old


def _step(where: str, now: Step, before: Step, *, may_grow: bool) -> Step:
    """The earlier step; refuse one with other fields, but for those that are to be learnt.

    ``may_grow``: its values may be more.
    """
    step = before
    for field in msgspec.structs.fields(now):
        given = getattr(now, field.name)
        known = getattr(before, field.name)
        if given == known or (given is None and field.name in LEARNT):
            continue
        if field.name == "values" and may_grow and {*known} <= {*given}:
            step = replace(step, values=given)
            continue
        if isinstance(given, list) and isinstance(known, list) and (more := [v for v in given if v not in known]):
            shown = ", ".join(map(repr, more[:8]))
            raise JobFileError(f"{where}: {now.kind}.{field.name} has {shown}, which the earlier model does not know.")
        raise JobFileError(f"{where}: {now.kind}.{field.name} is {known} there, not {given}; make it the same.")
    return step


def _may_grow(step: Step, axes: ParameterAxes) -> bool:
    """Tell whether a column's last step may have more values, each with parameters of its own."""
    if isinstance(step, OneHot | Embedding) and step.min_count > 1:
        return False  # a new value was one of the rare ones
    if isinstance(step, OneHot):
        return bool(axes.numbers)
    return bool(axes.words) and isinstance(step, Tokens | Embedding)


def _classes(schema: Schema, earlier: Schema, *, may_grow: bool) -> tuple[Any, ...] | None:
    """The earlier classes, all of which the model goes on to have, and new ones behind them, where it may grow."""
    if schema.label is None or not schema.classes or earlier.classes is None:
        return earlier.classes if schema.label else schema.classes
    more = tuple(c for c in schema.classes if c not in earlier.classes)
    if more and (not may_grow or schema.label_shape):
        shown = ", ".join(map(repr, more[:8]))
        raise JobFileError(f"start_from: data.classes has {shown}, which the earlier model does not know.")
    return (*earlier.classes, *more)


def _words(value: Any) -> str:
    return {True: "given", False: "not given"}.get(value, str(value)) if isinstance(value, bool) else str(value)
