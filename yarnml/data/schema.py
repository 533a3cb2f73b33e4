"""What the columns mean to a learner: features, label, weight; from Arrow columns to plain arrays."""

import math
from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct

from yarnml.errors import DataError, JobFileError, YarnmlError
from yarnml.job import Data


class Feature(Struct, frozen=True, array_like=True):
    """One column: ``width`` 1 for a number, k for a list of k numbers; 0 while a list's length is not known yet."""

    name: str
    width: int


class Schema(Struct, frozen=True):
    """The columns of a job.

    ``classes`` (sorted) is empty for a number label, and None until they are surveyed.  Without a label they are the
    numbers of the clusters, or empty for a learner that finds none.
    """

    features: tuple[Feature, ...]
    label: str | None
    label_type: Literal["class", "number", "none"]
    classes: tuple[str | int | float | bool, ...] | None = None
    weight: str | None = None
    shape: tuple[int, ...] | None = None

    @property
    def width(self) -> int:
        """Numbers in one row's features."""
        return sum(f.width for f in self.features)

    @property
    def outputs(self) -> int:
        return len(self.classes or ())


class Rows(NamedTuple):
    """x: float32 [rows, width]; y: int32 class numbers or float32 [rows]; weight: float32 [rows].

    Without a label y is 0.
    """

    x: npt.NDArray[np.float32]
    y: npt.NDArray[Any]
    weight: npt.NDArray[np.float32]

    @property
    def nbytes(self) -> int:
        return self.x.nbytes + self.y.nbytes + self.weight.nbytes


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
    features = tuple(Feature(name, _width(name, stored.field(name).type, url)) for name in data.features)
    if data.weight and not _is_number(stored.field(data.weight).type):
        raise JobFileError(
            f"data.weight: column '{data.weight}' must hold numbers, not {stored.field(data.weight).type}."
        )
    kind = "none" if data.label is None else _label_type(data, _plain(stored.field(data.label).type))
    classes = tuple(data.classes) if data.classes else None if kind == "class" else ()
    return Schema(features, data.label, kind, classes, data.weight, tuple(data.shape) if data.shape else None)


def check_shape(schema: Schema) -> None:
    if schema.shape is not None and math.prod(schema.shape) != schema.width:
        raise JobFileError(
            f"data.shape {list(schema.shape)} holds {math.prod(schema.shape)} numbers, "
            f"but the feature columns hold {schema.width}; make them agree."
        )


def features_of(table: pa.Table, schema: Schema, where: str) -> npt.NDArray[np.float32]:
    """float32 [rows, width] of a table's feature columns, in the job file's order."""
    x = np.empty((table.num_rows, schema.width), np.float32)
    start = 0
    for feature in schema.features:
        if feature.name not in table.column_names:
            raise DataError(f"{where} has no column '{feature.name}'; it has {', '.join(table.column_names)}.")
        x[:, start : start + feature.width] = _numbers(table.column(feature.name), feature, where)
        start += feature.width
    return x


def rows_of(table: pa.Table, schema: Schema, where: str) -> Rows:
    """Features, labels and weights of a table; DataError names the column that can't be used."""
    x = features_of(table, schema, where)
    y = np.zeros(len(x), np.float32) if schema.label is None else _labels(table, schema.label, schema, where)
    if schema.weight is None:
        return Rows(x, y, np.ones(len(x), np.float32))
    weight = _float32(_whole(table.column(schema.weight), schema.weight, where), schema.weight, where)
    if not (np.isfinite(weight).all() and (weight >= 0).all()):
        raise DataError(f"{where}: the weight column '{schema.weight}' must hold finite numbers of 0 or more.")
    return Rows(x, y, weight)


def distinct(table: pa.Table, schema: Schema, where: str) -> set[Any]:
    """The label's different values."""
    label = str(schema.label)
    return set(pc.unique(_whole(table.column(label), label, where)).to_pylist())


def in_order(labels: Iterable[Any], schema: Schema) -> tuple[Any, ...]:
    """Surveyed labels as classes, ascending; DataError where they can't be put in order."""
    found = set(labels)
    try:
        if any(label != label for label in found):
            raise DataError(f"Label '{schema.label}' holds NaN, which can't be a class; fill or drop these rows.")
        return tuple(sorted(found))
    except TypeError as exc:
        raise DataError(
            f"Label '{schema.label}' holds text in some files and numbers in others; store one type in all of them."
        ) from exc


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _is_number(kind: pa.DataType) -> bool:
    kind = _plain(kind)
    return (
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_decimal(kind)
    )


def _is_list(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)


def _width(name: str, kind: pa.DataType, url: str) -> int:
    if _is_number(kind):
        return 1
    if _is_list(kind) and _is_number(kind.value_type):
        return int(kind.list_size) if pa.types.is_fixed_size_list(kind) else 0
    raise JobFileError(f"data.features: column '{name}' of {url} must hold numbers or lists of numbers, not {kind}.")


def _is_class(kind: pa.DataType) -> bool:
    text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    return text or (_is_number(kind) and not pa.types.is_decimal(kind))


def _label_type(data: Data, kind: pa.DataType) -> Literal["class", "number"]:
    if data.label_type == "number" and not _is_number(kind):
        raise JobFileError(f"data.label_type is number, but column '{data.label}' holds {kind}.")
    number = pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    if data.label_type == "number" or (data.label_type == "auto" and number and not data.classes):
        return "number"
    if not _is_class(kind):
        raise JobFileError(
            f"data.label: column '{data.label}' holds {kind}; a class label must be text, a number or a boolean."
        )
    if data.classes:
        _known(tuple(data.classes), kind, f"data.classes do not fit column '{data.label}'", JobFileError)
    return "class"


def _whole(column: pa.ChunkedArray, name: str, where: str) -> pa.Array:
    """One array without nulls, dictionaries decoded."""
    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if array.null_count:
        raise DataError(f"{where}: column '{name}' has {array.null_count} nulls; fill them or drop these rows.")
    return array


def _float32(array: pa.Array, name: str, where: str) -> npt.NDArray[np.float32]:
    if not _is_number(array.type):
        raise DataError(f"{where}: column '{name}' must hold numbers, not {array.type}.")
    if pa.types.is_boolean(array.type) or pa.types.is_decimal(array.type):
        array = array.cast(pa.float32() if pa.types.is_boolean(array.type) else pa.float64())
    with np.errstate(over="ignore"):  # what float32 can't hold becomes infinite, and is reported like infinity
        return array.to_numpy(zero_copy_only=False).astype(np.float32, copy=False)


def _labels(table: pa.Table, name: str, schema: Schema, where: str) -> npt.NDArray[Any]:
    label = _whole(table.column(name), name, where)
    return _class_numbers(label, schema, where) if schema.label_type == "class" else _targets(label, name, where)


def _targets(label: pa.Array, name: str, where: str) -> npt.NDArray[np.float32]:
    y = _float32(label, name, where)
    if not np.isfinite(y).all():
        raise DataError(f"{where}: label '{name}' holds NaN or infinity; fill or drop these rows.")
    return y


def _numbers(column: pa.ChunkedArray, feature: Feature, where: str) -> npt.NDArray[np.float32]:
    array = _whole(column, feature.name, where)
    if not _is_list(array.type):
        return _float32(array, feature.name, where)[:, None]
    values = array.flatten()
    if values.null_count:
        raise DataError(f"{where}: the lists of column '{feature.name}' hold {values.null_count} nulls; fill them.")
    if not pa.types.is_fixed_size_list(array.type) or array.type.list_size != feature.width:
        lengths = pc.unique(pc.list_value_length(array)).to_pylist()
        if lengths not in ([feature.width], []):
            odd = next(n for n in lengths if n != feature.width)
            raise DataError(
                f"{where}: column '{feature.name}' needs lists of {feature.width} numbers, found one of {odd}."
            )
    return _float32(values, feature.name, where).reshape(-1, feature.width)


def _class_numbers(label: pa.Array, schema: Schema, where: str) -> npt.NDArray[np.int32]:
    known = _known(schema.classes or (), label.type, f"{where}: label '{schema.label}'", DataError)
    numbers = pc.index_in(label, known)
    if numbers.null_count:
        value = label.filter(pc.is_null(numbers))[0].as_py()
        shown = ", ".join(map(str, known.to_pylist()[:8])) + (", …" if len(known) > 8 else "")
        raise DataError(f"{where}: label '{schema.label}' holds {value!r}, which is none of the classes ({shown}).")
    return numbers.to_numpy(zero_copy_only=False).astype(np.int32, copy=False)


def _known(classes: tuple[Any, ...], kind: pa.DataType, what: str, error: type[YarnmlError]) -> pa.Array:
    """The classes as an array of the label's type."""
    try:
        return pa.array(classes, type=kind)
    except (pa.ArrowException, OverflowError) as exc:
        shown = ", ".join(map(str, classes[:8]))
        raise error(f"{what}: the column holds {kind}; the classes are {shown}.") from exc
