"""The binding of a job's columns to the stored ones: which are features, label and weight, and whether they fit."""

from collections.abc import Mapping, Sequence
from typing import Literal

import pyarrow as pa

from yarnml.data.arrays import is_list, is_number, is_text, plain_type, value_type
from yarnml.data.classes import class_array
from yarnml.data.hints import hint
from yarnml.data.layouts import Use
from yarnml.data.prepare.base import TEXT, chain
from yarnml.data.schema import Feature, Offset, Schema, prepared
from yarnml.data.uses import joint_columns, own_steps
from yarnml.errors import JobFileError
from yarnml.job.patterns import named_features
from yarnml.job.prepare import Image, Step
from yarnml.job.spec import Data

JOINED_BY = ":"
"""Stands between the columns in the name of a feature that is made of several, as in formulas of R."""


def uses_of(data: Data) -> list[Use]:
    """The columns that a job file names."""
    named = [*(("features", f) for f in named_features(data)), *(("label", name) for name in data.labels)]
    roles = [("weight", data.weight), ("group", data.group), ("offset", data.offset), ("exposure", data.exposure)]
    return [Use(field, name) for field, name in [*named, *roles] if name is not None]


def bind(data: Data, stored: pa.Schema, url: str) -> Schema:
    """Give the job file's columns their meaning; JobFileError names the field that does not fit.

    ``stored``: the columns that the job uses; ``url``: a file of theirs, for errors.
    """
    kinds = dict(zip(stored.names, stored.types, strict=True))
    steps = own_steps(data.prepare)
    alone = joint_columns(data.prepare) - steps.keys()
    single = [
        _feature(steps.get(name, []), name, kinds[name], url) for name in named_features(data) if name not in alone
    ]
    features = (*single, *(_joint(step, kinds, url) for step in data.prepare if step.JOINS))
    for field in ("weight", "offset", "exposure"):
        name = getattr(data, field)
        if name and not is_number(kinds[name]):
            kind = kinds[name]
            raise JobFileError(f"data.{field}: column '{name}' must hold numbers, not {kind}{hint(kind)}.")
    if data.group and not (is_text(kinds[data.group]) or is_number(kinds[data.group])):
        kind = kinds[data.group]
        raise JobFileError(f"data.group: column '{data.group}' must hold text or numbers, not {kind}{hint(kind)}.")
    label_type = _label_type(data, {name: value_type(kinds[name]) for name in data.labels})
    classes = tuple(data.classes) if data.classes else None if label_type == "class" else ()
    shape = tuple(data.shape) if data.shape else _image_shape(features)
    _check_has_classes(data, label_type)
    offset = data.offset or data.exposure
    return Schema(
        features,
        tuple(data.labels) if len(data.labels) > 1 else next(iter(data.labels), None),
        label_type,
        classes,
        data.weight,
        shape,
        data.class_weights,
        group=data.group,
        offset=Offset(offset, is_exposure=data.exposure is not None) if offset else None,
        types={name: kind for name, kind in data.types.items() if name in stored.names},
    )


def _image_shape(features: Sequence[Feature]) -> tuple[int, ...] | None:
    """The shape of the rows where they are images; None for all others."""
    step = features[0].steps[-1] if len(features) == 1 and features[0].steps else None
    return step.shape if isinstance(step, Image) else None


def _feature(steps: Sequence[Step], name: str, kind: pa.DataType, url: str) -> Feature:
    if steps:
        return prepared(Feature(name, 0, chain(steps, name, kind, url)))
    return Feature(name, _width(name, kind, url))


def _joint(step: Step, kinds: Mapping[str, pa.DataType], url: str) -> Feature:
    """The feature that a step makes of several columns."""
    name = JOINED_BY.join(step.columns)
    stored = pa.struct([(column, kinds[column]) for column in step.columns])
    return prepared(Feature(name, 0, chain([step], name, stored, url)))


def _width(name: str, kind: pa.DataType, url: str) -> int:
    if is_number(kind):
        return 1
    if is_list(kind) and is_number(kind.value_type):
        return int(kind.list_size) if pa.types.is_fixed_size_list(kind) else 0
    remedy = f"; data.prepare makes numbers of text, by {', '.join(TEXT)}" if is_text(kind) else hint(kind)
    raise JobFileError(
        f"data.features: column '{name}' of {url} must hold numbers or lists of numbers, not {kind}{remedy}."
    )


def _check_has_classes(data: Data, kind: str) -> None:
    """Refuse fields that need class labels where the label is a number or absent."""
    for field, value in (("class_weights", data.class_weights), ("stratify", data.stratify)):
        if value and kind != "class":
            raise JobFileError(
                f"data.{field} is for class labels, but column '{data.label}' holds numbers to predict; "
                "remove it, or set data.label_type: class."
            )


def _label_type(data: Data, kinds: Mapping[str, pa.DataType]) -> Literal["class", "number", "none"]:
    """The type of the labels, which all have one; ``kinds``: of their columns, by name."""
    types = {name: _type_of_label(data, name, kind) for name, kind in kinds.items()}
    if len(set(types.values())) < 2:
        return next(iter(types.values()), "none")
    text = [name for name in types if not is_number(kinds[name])]
    if text:
        number = next(name for name, type in types.items() if type == "number")
        raise JobFileError(
            f"data.label: column '{text[0]}' holds text and column '{number}' numbers; several labels are either "
            "numbers or classes."
        )
    return "number"  # whole numbers beside fractions


def _type_of_label(data: Data, name: str, kind: pa.DataType) -> Literal["class", "number"]:
    if data.label_type == "number" and not is_number(kind):
        raise JobFileError(f"data.label_type is number, but column '{name}' holds {kind}{hint(kind)}.")
    number = pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    if data.label_type == "number" or (data.label_type == "auto" and number and not data.classes):
        return "number"
    if not (is_text(kind) or is_number(kind)):
        raise JobFileError(
            f"data.label: column '{name}' holds {kind}; a class label must be text, a number or a boolean{hint(kind)}."
        )
    if data.classes:
        subject = f"data.classes do not fit column '{name}'"
        class_array(tuple(data.classes), plain_type(kind), subject, JobFileError)
    return "class"
