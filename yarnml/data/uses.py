"""The type in which a column is read where a format only guesses types: what the column is for decides.

Digits that tell things apart (``one_hot``, ``category``, ``embedding``, ``hash``, ``key``, class labels) are text, so
that codes keep their zeros; numbers to compute with are numbers.  Given values that are whole numbers or booleans say
that the column is such.
"""

from collections.abc import Container, Sequence
from typing import Any

import pyarrow as pa

from yarnml.data.arrays import is_number, is_text, plain_type
from yarnml.data.prepare.base import TEXT
from yarnml.data.schema import Schema
from yarnml.job.patterns import named_features
from yarnml.job.prepare import Cross, Hash, Impute, Key, Step, Valued
from yarnml.job.spec import Data

NUMBER = pa.float64()


def types_to_read(data: Data, guessed: pa.Schema) -> pa.Schema:
    """The columns that a job uses, each with the type to read it in."""
    steps = {**_joining_steps(data.prepare), **own_steps(data.prepare)}
    fields = []
    for field in guessed:
        if pa.types.is_binary(field.type):  # no text that can be decoded, which is told where columns are bound
            kind = field.type
        elif field.name in data.labels:
            kind = _label(data, field.type)
        elif field.name == data.group and field.name not in named_features(data):
            kind = field.type if is_number(field.type) else pa.string()
        elif field.name in steps:
            kind = _prepared(steps[field.name], field.type)
        else:
            kind = field.type if pa.types.is_boolean(field.type) else NUMBER
        fields.append(field.with_type(kind))
    return pa.schema(fields)


def types_like(train: pa.Schema, guessed: pa.Schema, plain: Container[str | None]) -> pa.Schema:
    """The columns of other data than the training data, each with the type to read it in: one that agrees with theirs.

    ``plain``: columns of numbers to compute with, in which all numbers are alike.
    """
    kinds = []
    for field, expected in zip(guessed, map(plain_type, train.types), strict=True):
        if is_text(expected):
            kinds.append(pa.string())
        elif pa.types.is_boolean(field.type) or pa.types.is_binary(field.type):
            kinds.append(field.type)
        else:
            whole = pa.types.is_integer(expected) and field.name not in plain and not pa.types.is_floating(field.type)
            kinds.append(pa.int64() if whole else NUMBER)
    return pa.schema(dict(zip(guessed.names, kinds, strict=True)))


def types_for(schema: Schema, guessed: pa.Schema) -> pa.Schema:
    """The columns of a model's features, each with the type to read it in."""
    steps = {name: feature.steps for feature in schema.features if feature.is_joint for name in feature.columns}
    steps |= {feature.name: feature.steps for feature in schema.features if feature.steps and not feature.is_joint}
    kinds = {name: _prepared(own, guessed.field(name).type) for name, own in steps.items()}
    return pa.schema([field.with_type(kinds.get(field.name, NUMBER)) for field in guessed])


def own_steps(steps: Sequence[Step]) -> dict[str, list[Step]]:
    """The steps for each column by itself, in order."""
    own: dict[str, list[Step]] = {}
    for step in steps:
        for name in () if step.JOINS else step.columns:
            own.setdefault(name, []).append(step)
    return own


def joint_columns(steps: Sequence[Step]) -> set[str]:
    """The columns that steps join with others."""
    return {*_joining_steps(steps)}


def keyed_columns(steps: Sequence[Step]) -> set[str]:
    """The columns that become keys."""
    return {name for step in steps if isinstance(step, Key) for name in step.columns}


def _joining_steps(steps: Sequence[Step]) -> dict[str, list[Step]]:
    """By column, a step that joins it with others."""
    return {name: [step] for step in steps if step.JOINS for name in step.columns}


def _label(data: Data, guessed: pa.DataType) -> pa.DataType:
    if data.label_type == "number":
        return NUMBER
    if pa.types.is_floating(guessed) and not data.classes:
        return guessed
    digits = is_number(guessed) and not pa.types.is_boolean(guessed)
    if data.classes and not (digits and _look_like_words(data.classes)):
        return _of_values(data.classes, guessed)
    return guessed if data.classes or pa.types.is_boolean(guessed) else pa.string()


def _look_like_words(values: Sequence[Any]) -> bool:
    """Tell whether all values are texts that are no numbers."""
    return all(isinstance(value, str) and not value.strip().lstrip("+-").isdecimal() for value in values)


def _prepared(steps: Sequence[Step], guessed: pa.DataType) -> pa.DataType:
    last = steps[-1]
    if last.kind not in TEXT or (isinstance(last, Key) and last.buckets_per_octave):
        return NUMBER
    if not isinstance(last, Valued | Hash | Cross | Key):
        return pa.string()
    if isinstance(last, Hash | Cross | Key) and pa.types.is_floating(guessed):
        return NUMBER
    fills = [step.value for step in steps if isinstance(step, Impute) and step.value is not None]
    given = [*(getattr(last, "values", None) or []), *fills]
    means = any(isinstance(step, Impute) and step.value is None and step.strategy != "most_frequent" for step in steps)
    return NUMBER if means else _of_values(given, guessed)


def _of_values(given: Sequence[Any], guessed: pa.DataType) -> pa.DataType:
    """The type of a column whose values are told apart, some of which are given."""
    if not given:
        return guessed if pa.types.is_boolean(guessed) else pa.string()
    kinds = {type(value) for value in given}
    if kinds <= {int, float} and is_number(guessed) and not pa.types.is_boolean(guessed):
        return guessed if kinds == {int} else NUMBER
    return guessed if kinds == {bool} and pa.types.is_boolean(guessed) else pa.string()
