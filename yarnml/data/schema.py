"""The meaning of the columns to a learner: features, label, weight."""

import math
from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from msgspec import Struct

from yarnml.data.arrays import Array, is_list, is_number, is_text, value_type
from yarnml.data.prepare.base import TEXT, chain, kind_of, lacks
from yarnml.errors import DataError, JobFileError, YarnmlError
from yarnml.job.prepare import Step
from yarnml.job.spec import ClassWeights, Data


class Feature(Struct, frozen=True, array_like=True):
    """One column: ``width`` 1 for a number, k for a list of k numbers or for what ``steps`` make of the column.

    The width is 0 while it is not known yet.

    ``offsets``: from which its numbers are counted, see `yarnml.data.offsets`; none: from 0.
    """

    name: str
    width: int
    steps: tuple[Step, ...] = ()
    offsets: tuple[float, ...] = ()

    @property
    def names(self) -> list[str]:
        """A name for each number that the column becomes."""
        if self.steps:
            return kind_of(self.steps[-1]).names(self.steps[-1], self.name)
        return [self.name] if self.width == 1 else [f"{self.name}[{k}]" for k in range(self.width)]

    @property
    def ids(self) -> int:
        """The number of ids, where each of its numbers is an id; 0 where they are quantities."""
        return self.steps[-1].ids if self.steps else 0


class Schema(Struct, frozen=True):
    """The columns of a job.

    ``label``: None for a learner without labels.
    ``classes``: sorted; empty for a number label, and None until they are surveyed.  Without a label they are the
    numbers of the clusters, or empty for a learner that finds none.
    ``shape``: of a row's features, where they are an image or another array.
    ``class_weights``: in the order of the classes; as in the job file until the classes and their counts are known.
    ``missing``: whether nulls among the features become NaN, instead of being refused.
    """

    features: tuple[Feature, ...]
    label: str | None
    label_type: Literal["class", "number", "none"]
    classes: tuple[str | int | float | bool, ...] | None = None
    weight: str | None = None
    shape: tuple[int, ...] | None = None
    class_weights: tuple[float, ...] | ClassWeights | None = None
    missing: bool = False

    @property
    def names(self) -> list[str]:
        """A name for each number of a row's features."""
        return [name for f in self.features for name in f.names]

    @property
    def width(self) -> int:
        """Numbers in one row's features."""
        return sum(f.width for f in self.features)

    @property
    def outputs(self) -> int:
        """The number of classes, or of clusters; 0 for a number label."""
        return len(self.classes or ())


class Rows(NamedTuple):
    """x: float32 [rows, width]; y: int32 class numbers or float32 [rows]; weight: float32 [rows].

    Without a label y is 0.
    """

    x: npt.NDArray[np.float32]
    y: Array
    weight: npt.NDArray[np.float32]

    @property
    def nbytes(self) -> int:
        return self.x.nbytes + self.y.nbytes + self.weight.nbytes


def stored_in(schema: Schema) -> Schema:
    """The schema with only the fields that decoded rows depend on: equal for schemas that decode the same."""
    classes = schema.classes if schema.label else None
    return msgspec.structs.replace(schema, classes=classes, class_weights=None, shape=None)


def columns(schema: Schema, stored: pa.Schema) -> pa.Schema:
    """The stored columns to read."""
    names = dict.fromkeys([*(f.name for f in schema.features), schema.label, schema.weight])
    return pa.schema([stored.field(name) for name in names if name is not None])


def bind(data: Data, stored: pa.Schema, url: str) -> Schema:
    """Find the job file's columns among the stored ones; JobFileError names the field that does not fit."""
    for field, name in [*(("features", f) for f in data.features), ("label", data.label), ("weight", data.weight)]:
        if name is not None and name not in stored.names:
            raise JobFileError(f"data.{field}: {url} has no column '{name}'; it has {', '.join(stored.names)}.")
        if name is not None and stored.names.count(name) > 1:
            raise JobFileError(f"data.{field}: {url} has more than one column '{name}'; give them different names.")
    features = tuple(_feature(data, name, stored.field(name).type, url) for name in data.features)
    if data.weight and not is_number(stored.field(data.weight).type):
        raise JobFileError(
            f"data.weight: column '{data.weight}' must hold numbers, not {stored.field(data.weight).type}."
        )
    kind = "none" if data.label is None else _label_type(data, value_type(stored.field(data.label).type))
    classes = tuple(data.classes) if data.classes else None if kind == "class" else ()
    shape = tuple(data.shape) if data.shape else None
    _check_has_classes(data, kind)
    return Schema(features, data.label, kind, classes, data.weight, shape, data.class_weights)


def check_shape(schema: Schema) -> None:
    """Refuse a shape that does not hold as many numbers as a row has; raises JobFileError."""
    if schema.shape is not None and math.prod(schema.shape) != schema.width:
        raise JobFileError(
            f"data.shape {list(schema.shape)} holds {math.prod(schema.shape)} numbers, "
            f"but the feature columns hold {schema.width}; make them agree."
        )


def in_order(labels: Iterable[Any], schema: Schema) -> tuple[Any, ...]:
    """Sort surveyed labels into classes; DataError where they can't be put in order."""
    values = set(labels)
    try:
        if any(label != label for label in values):
            raise DataError(f"Label '{schema.label}' holds NaN, which can't be a class; fill or drop these rows.")
        return tuple(sorted(values))
    except TypeError as exc:
        raise DataError(
            f"Label '{schema.label}' holds text in some files and numbers in others; store one type in all of them."
        ) from exc


def _feature(data: Data, name: str, kind: pa.DataType, url: str) -> Feature:
    steps = chain(data.prepare, name, kind, url)
    return prepared(Feature(name, 0, steps)) if steps else Feature(name, _width(name, kind, url))


def prepared(feature: Feature) -> Feature:
    """A feature with steps, and the width that it has once they have learnt everything."""
    is_complete = not any(map(lacks, feature.steps))
    return msgspec.structs.replace(feature, width=len(feature.names) if is_complete else 0)


def _width(name: str, kind: pa.DataType, url: str) -> int:
    if is_number(kind):
        return 1
    if is_list(kind) and is_number(kind.value_type):
        return int(kind.list_size) if pa.types.is_fixed_size_list(kind) else 0
    remedy = f"; data.prepare makes numbers of text, by {', '.join(TEXT)}" if is_text(kind) else ""
    raise JobFileError(
        f"data.features: column '{name}' of {url} must hold numbers or lists of numbers, not {kind}{remedy}."
    )


def _is_class(kind: pa.DataType) -> bool:
    return is_text(kind) or (is_number(kind) and not pa.types.is_decimal(kind))


def _check_has_classes(data: Data, kind: str) -> None:
    """Refuse fields that need class labels where the label is a number or absent."""
    for field, value in (("class_weights", data.class_weights), ("stratify", data.stratify)):
        if value and kind != "class":
            raise JobFileError(
                f"data.{field} is for class labels, but column '{data.label}' holds numbers to predict; "
                "remove it, or set data.label_type: class."
            )


def _label_type(data: Data, kind: pa.DataType) -> Literal["class", "number"]:
    if data.label_type == "number" and not is_number(kind):
        raise JobFileError(f"data.label_type is number, but column '{data.label}' holds {kind}.")
    number = pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    if data.label_type == "number" or (data.label_type == "auto" and number and not data.classes):
        return "number"
    if not _is_class(kind):
        raise JobFileError(
            f"data.label: column '{data.label}' holds {kind}; a class label must be text, a number or a boolean."
        )
    if data.classes:
        class_array(tuple(data.classes), kind, f"data.classes do not fit column '{data.label}'", JobFileError)
    return "class"


def class_array(classes: tuple[Any, ...], kind: pa.DataType, subject: str, error: type[YarnmlError]) -> pa.Array:
    """The classes as an array of the label's type; raises ``error`` about the ``subject`` where they don't fit."""
    try:
        return pa.array(classes, type=kind)
    except (pa.ArrowException, OverflowError) as exc:
        shown = ", ".join(map(str, classes[:8]))
        raise error(f"{subject}: the column holds {kind}; the classes are {shown}.") from exc
