"""From a table to the rows that a learner sees: prepared features, label, weight."""

from collections.abc import Iterator, Sequence
from itertools import groupby, islice

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from yarnml.data.aligned import aligned, empty
from yarnml.data.arrays import (
    Array,
    Matrix,
    Places,
    as_numpy,
    float32,
    float64,
    is_list,
    numeric,
    one_array,
    to_float32,
)
from yarnml.data.classes import class_array
from yarnml.data.coded_columns import coded_array
from yarnml.data.crosses import crossed, crosses_of
from yarnml.data.inputs import array_of, inputs_of, takes_nulls
from yarnml.data.keys import NARROW_BITS, KeyRows, beside
from yarnml.data.label_scaling import as_learnt, centre_of
from yarnml.data.lookup import places
from yarnml.data.offsets import distances
from yarnml.data.plain_columns import empty_lines, lay_plain
from yarnml.data.prepare.base import follow
from yarnml.data.prepare.labels import TrainingRows
from yarnml.data.schema import Feature, Offset, Rows, Schema
from yarnml.data.shapes import columns_of, numbers_of, single, without_nulls
from yarnml.errors import DataError
from yarnml.job.prepare import PADDING

COLUMNS_AT_ONCE = 32
"""Columns that are laid into the rows together: each by itself would go through all memory of the rows once more."""


def features_of(table: pa.Table, schema: Schema, where: str, rows: TrainingRows | None = None) -> Matrix:
    """float32 [rows, row_width]: a table's feature columns, prepared, in the job file's order, then the offset.

    ``where``: the name of the table in errors.  ``rows``: where these are rows to train on.
    """
    x = empty((table.num_rows, schema.row_width), np.float32)
    start = 0
    for strip in _strips(schema.numbers):
        end = start + sum(f.width for f in strip)
        if len(strip) == 1 or not lay_plain(table, strip, x[:, start:end]):
            x[:, start:end] = _strip(table, strip, schema, where, rows)
        start = end
    check_finite(x[:, :start], schema, where)
    if schema.offset:
        column = float32(plain_column(table, schema.offset.name, where), schema.offset.name, where)
        x[:, start] = offset_of(column, schema.offset, where)
    return x


def offset_of(numbers: npt.NDArray[np.float32], offset: Offset, where: str) -> npt.NDArray[np.float32]:
    """[rows]: the offset of every row, from the numbers of its column; DataError where they can't be one."""
    if offset.is_exposure and not (np.isfinite(numbers).all() and (numbers > 0).all()):
        raise DataError(f"{where}: the exposure column '{offset.name}' must hold finite numbers above 0.")
    if not np.isfinite(numbers).all():
        raise DataError(f"{where}: the offset column '{offset.name}' must hold finite numbers.")
    return np.log(numbers) if offset.is_exposure else numbers


def keys_of(table: pa.Table, schema: Schema, where: str, *, narrow: bool = False) -> KeyRows | None:
    """The keys of a table's rows, column by column in the job file's order, and behind them those of crosses.

    None where no column becomes keys.  ``narrow``: see `KeyRows.narrow`.
    """
    if not schema.keyed:
        return None
    columns = columns_of(table, [f.name for f in schema.keyed], where)
    made = {f.name: _keys(column, f, where) for column, f in zip(columns, schema.keyed, strict=True)}
    bits = schema.key_bits
    all_columns = [*made.values(), *(crossed(made, cross, bits) for cross in crosses_of(schema))]
    return beside([c.narrow() for c in all_columns] if narrow else all_columns, with_fields=schema.fields)


def _keys(column: pa.ChunkedArray, feature: Feature, where: str) -> KeyRows:
    array = coded_array(column) if feature.takes_dictionary else one_array(column)
    if pa.types.is_floating(array.type):
        array = pc.if_else(pc.is_nan(array), pa.scalar(None, array.type), array)
    keys = follow(feature.steps, array, feature.name, where)
    assert isinstance(keys, KeyRows)
    return keys


def check_finite(x: Matrix, schema: Schema, where: str) -> None:
    """Refuse infinity among prepared features, and NaN but where values may be missing.

    Nothing is refused where only the learner knows, see `Schema.finite`.
    """
    odd = np.isinf(x) if schema.missing else ~np.isfinite(x)
    if not schema.finite or not odd.any():
        return
    owners = [f for f in schema.features for _ in range(f.width)]
    place = int(np.flatnonzero(odd.any(axis=0))[0])
    what = "infinity, or a number that float32 can't hold; mend"
    if np.isnan(x[:, place]).any() and not schema.missing:
        is_list = owners[place].width > 1 and not owners[place].steps
        what = "NaN; mend" if is_list else "NaN; fill it (data.prepare, kind: impute)"
    raise DataError(f"{where}: column '{owners[place].name}' holds {what} or drop these rows.")


def rows_of(table: pa.Table, schema: Schema, where: str, numbers: Places | None = None) -> Rows:
    """Features, labels and weights of a table, aligned, without class weights, and keys as narrow as they are.

    ``numbers``: of rows to train on, among all such.  DataError names the column that can't be used.
    """
    training = training_rows(table, schema, numbers, where) if schema.sees_labels and numbers is not None else None
    x = features_of(table, schema, where, training)
    y = np.zeros(len(x), np.float32)
    weight = np.ones(len(x), np.float32)
    if schema.labels:
        columns = [_labels(plain_column(table, name, where), name, schema, where) for name in schema.labels]
        y = np.stack(columns, axis=1) if schema.label_shape else columns[0]
    if schema.weight:
        weight = weights_of(plain_column(table, schema.weight, where), schema.weight, where)
    if schema.label_type == "text":
        weight = weight * pieces_of(x)
    keys = keys_of(table, schema, where, narrow=schema.key_bits <= NARROW_BITS)
    return Rows(x, aligned(y), aligned(weight), keys)


def pieces_of(x: Matrix) -> npt.NDArray[np.float32]:
    """[rows]: the pieces of each text that are predicted, and so count in means; its end is one, if it fits."""
    return np.minimum((x != PADDING).sum(axis=1) + 1, x.shape[1]).astype(np.float32)


def training_rows(table: pa.Table, schema: Schema, numbers: Places, where: str) -> TrainingRows:
    """The labels that steps see of rows to train on; ``numbers`` [rows]: of each among all such rows."""
    (name,) = schema.labels
    label = plain_column(table, name, where)
    if schema.label_type == "class":
        classes = [str(c) for c in schema.classes or ()]
        return TrainingRows(_class_numbers(label, name, schema, where), numbers, classes, 0.0)
    _targets(label, name, where)
    centre = float(centre_of(schema))
    return TrainingRows(as_learnt(float64(label), name, schema.label_scale) - centre, numbers, [], centre)


def plain_column(table: pa.Table, name: str, where: str) -> pa.Array:
    """A column that is no feature, as one array of single values without nulls."""
    (column,) = columns_of(table, [name], where)
    return without_nulls(single(column, name, where), name, where)


def column_to_prepare(column: pa.ChunkedArray, feature: Feature, schema: Schema, where: str) -> pa.Array:
    """The column of a feature with steps; there is no null but where a step fills it, or the learner can."""
    return _filled(array_of(column, feature, where), feature, schema, where)


def _filled(array: pa.Array, feature: Feature, schema: Schema, where: str) -> pa.Array:
    """Refuse an array with nulls that nothing will fill; else return it."""
    if schema.missing or takes_nulls(feature):
        return array
    return without_nulls(array, feature.name, where, "fill them (data.prepare, kind: impute) or drop these rows")


def _strips(features: Sequence[Feature]) -> Iterator[list[Feature]]:
    """Features of one number in strips, others one by one, all in order."""
    for narrow, run in groupby(features, lambda feature: feature.width == 1):
        while strip := list(islice(run, COLUMNS_AT_ONCE if narrow else 1)):
            yield strip


def _strip(table: pa.Table, strip: Sequence[Feature], schema: Schema, where: str, rows: TrainingRows | None) -> Matrix:
    """float32 [rows, width]: the numbers of one feature, or of several of one number each."""
    columns = inputs_of(table, strip, where)
    if len(strip) == 1:
        return _feature(columns[0], strip[0], schema, where, rows)
    lines = empty_lines(table.num_rows, len(strip))
    for line, column, feature in zip(lines.T, columns, strip, strict=True):
        if not lay_plain(table, [feature], line[:, None]):
            line[:] = _feature(column, feature, schema, where, rows)[:, 0]
    return lines


def _feature(
    column: pa.ChunkedArray, feature: Feature, schema: Schema, where: str, rows: TrainingRows | None
) -> Matrix:
    """float32 [rows, width]: the numbers that a column becomes."""
    made = _made(column, feature, schema, where, rows)
    values = made if isinstance(made, np.ndarray) else numeric(made, feature.name, where).reshape(-1, feature.width)
    return distances(values, np.array(feature.offsets)) if feature.offsets else to_float32(values)


def _made(
    column: pa.ChunkedArray, feature: Feature, schema: Schema, where: str, rows: TrainingRows | None
) -> pa.Array | Array:
    """The numbers that a column holds, or that its steps make of it."""
    if feature.steps:
        made = follow(feature.steps, column_to_prepare(column, feature, schema, where), feature.name, where, rows)
        assert not isinstance(made, KeyRows)
        return made
    values = numbers_of(column, feature.name, feature.width, where)
    if values.null_count and is_list(column.type) and not schema.missing:
        raise DataError(f"{where}: the lists of column '{feature.name}' hold {values.null_count} nulls; fill them.")
    return _filled(values, feature, schema, where)


def weights_of(array: pa.Array, name: str, where: str) -> npt.NDArray[np.float32]:
    """Weights of rows, from the numbers of their column; DataError where they can't be such."""
    weight = float32(array, name, where)
    if not (np.isfinite(weight).all() and (weight >= 0).all()):
        raise DataError(f"{where}: the weight column '{name}' must hold finite numbers of 0 or more.")
    return weight


def _labels(label: pa.Array, name: str, schema: Schema, where: str) -> Array:
    return _class_numbers(label, name, schema, where) if schema.label_type == "class" else _targets(label, name, where)


def _targets(label: pa.Array, name: str, where: str) -> npt.NDArray[np.float32]:
    y = float32(label, name, where)
    if not np.isfinite(y).all():
        raise DataError(f"{where}: label '{name}' holds {_odd(label)}; mend or drop these rows.")
    return y


def _odd(label: pa.Array) -> str:
    """Name what a label holds that is no finite float32."""
    y = float64(label)
    bad = y[~np.isfinite(y) | (np.abs(y) > np.finfo(np.float32).max)][:1]
    if not len(bad) or np.isnan(bad[0]):
        return "NaN"
    return "infinity" if np.isinf(bad[0]) else f"{bad[0]:g}, which float32 can't hold"


def _class_numbers(label: pa.Array, name: str, schema: Schema, where: str) -> npt.NDArray[np.int32]:
    classes = schema.classes or ()
    try:
        numbers_or_null = places(label, classes)
    except (pa.ArrowException, OverflowError):  # a type that can't be compared with these
        class_array(classes, label.type, f"{where}: label '{name}'", DataError)
        raise
    if numbers_or_null.null_count:
        value = label.filter(pc.is_null(numbers_or_null))[0].as_py()
        shown = ", ".join(map(str, classes[:8])) + (", …" if len(classes) > 8 else "")
        raise DataError(f"{where}: label '{name}' holds {value!r}, which is none of the classes ({shown}).")
    return as_numpy(numbers_or_null).astype(np.int32, copy=False)
