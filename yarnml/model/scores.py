"""Probabilities and scores of a loaded model, from the outputs of its program."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from yarnml.data.arrays import float64, is_number, is_text, one_array
from yarnml.data.lookup import places
from yarnml.data.schema import Schema
from yarnml.data.shapes import columns_of
from yarnml.errors import DataError, ExportError

UNLIKE_LABELS = {"cox": "concordance", "aft": "concordance", "lambdarank": "ndcg"}
"""The objective whose predictions are compared with labels by their order alone → a metric that does."""

MAX_ROUNDING = 1e-3
"""By how much the probabilities of a row, float32 or bfloat16, may miss 1, and one of them 0."""


def probabilities(outputs: npt.NDArray[np.float32], schema: Schema, kind: str) -> npt.NDArray[np.float32]:
    """[rows, classes]: the outputs, where they are probabilities; ExportError where they are something else.

    One that rounding has left below 0, as a sum over trees may be, is 0.
    Of several labels [rows, labels]: the probabilities of the second class of each.
    """
    if schema.task == "multilabel":
        return outputs
    if not schema.classes or outputs.ndim != 2:
        raise ExportError("Only a model of classes has probabilities; this one predicts something else.")
    is_share = (outputs >= -MAX_ROUNDING).all() and (np.abs(outputs.sum(axis=1) - 1) <= MAX_ROUNDING).all()
    if kind == "svm" or not is_share:
        raise ExportError(f"The outputs of learner.kind {kind} are no probabilities here; see Model.outputs.")
    return np.where(outputs < 0, np.float32(0), outputs)


def labels_of(table: pa.Table | None, schema: Schema) -> list[pa.ChunkedArray]:
    """The columns of a table that have the labels' names; DataError where there is none."""
    if table is None:
        raise DataError("score needs label, one for each row, where the rows are an array.")
    _check_label(schema)
    return columns_of(table, schema.labels, "the table")


def score(outputs: npt.NDArray[np.float32], labels: Sequence[pa.ChunkedArray], weight: Any, schema: Schema) -> float:
    """Accuracy where the label is a class, R² where it is a number; NaN of a constant label.

    Of several labels the share of rows that are right in all of them, or the mean of R².  Of several quantiles the mean
    of D²: the part by which the quantile loss is less than that of the labels' own quantile.

    ``outputs``: [rows, classes], [rows], [rows, labels] or [rows, quantiles], of the rows whose labels these are.
    """
    _check_label(schema)
    weights = np.ones(len(outputs)) if weight is None else _weights(weight)
    if len(labels) != len(schema.labels):
        raise DataError(f"score needs {len(schema.labels)} labels for each row, as in training, got {len(labels)}.")
    for label in labels:
        if len(label) != len(outputs) or weights.shape != (len(outputs),):
            raise DataError(
                f"score needs one label and one weight for each of {len(outputs)} rows, got {len(label)} labels and "
                f"weights of the shape {list(weights.shape)}."
            )
    if not weights.sum() > 0:
        raise DataError("score needs a row with a weight above 0.")
    if schema.classes:
        chosen = schema.choose(outputs).reshape(len(outputs), -1)
        is_right = [_places(label, schema) == own for label, own in zip(labels, chosen.T, strict=True)]
        return float(np.average(np.all(is_right, axis=0), weights=weights))
    if schema.quantiles:
        y = float64(_checked(labels[0], None))
        return float(np.mean([_d2(y, *own, weights) for own in zip(outputs.T, schema.quantiles, strict=True)]))
    columns = outputs.reshape(len(outputs), -1).T
    return float(np.mean([_r2(label, own, weights) for label, own in zip(labels, columns, strict=True)]))


def _weights(weight: Any) -> npt.NDArray[np.float64]:
    try:
        weights = np.asarray(weight, np.float64)
    except (TypeError, ValueError) as exc:
        raise DataError(f"score needs weights that are numbers: {exc}.") from exc
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise DataError("score needs weights that are finite numbers of 0 or more.")
    return weights


def check_scored(learner: Mapping[str, Any]) -> None:
    """Refuse predictions that are no labels, such as ranks; ``learner``: of a model's description."""
    if (objective := learner.get("objective")) in UNLIKE_LABELS:
        raise ExportError(
            f"score compares predictions with labels, which those of learner.objective {objective} are not; "
            f"yarnml evaluate has {UNLIKE_LABELS[objective]}."
        )


def _places(label: pa.ChunkedArray, schema: Schema) -> npt.NDArray[np.int64]:
    """[rows]: the place of each row's class among those of the training; -1 for another one."""
    array = _checked(label, schema)
    return np.asarray(places(array, schema.classes or ()).fill_null(-1).to_numpy(zero_copy_only=False))


def _r2(label: pa.ChunkedArray, outputs: npt.NDArray[np.float32], weights: npt.NDArray[np.float64]) -> float:
    y = float64(_checked(label, None))
    errors = np.square(y - outputs).dot(weights)
    spread = np.square(y - np.average(y, weights=weights)).dot(weights)
    return float(1 - errors / spread) if spread > 0 else float("nan")


def _d2(
    y: npt.NDArray[np.float64], outputs: npt.NDArray[np.float32], share: float, weights: npt.NDArray[np.float64]
) -> float:
    order = np.argsort(y)
    below = np.cumsum(weights[order])
    constant = y[order][np.searchsorted(below, share * below[-1])] if len(y) else 0.0
    errors, spread = (np.maximum(share * e, (share - 1) * e).dot(weights) for e in (y - outputs, y - constant))
    return float(1 - errors / spread) if spread > 0 else float("nan")


def _checked(label: pa.ChunkedArray, schema: Schema | None) -> pa.Array:
    """A label as one array; DataError for nulls, and for what is no number or, with a schema of classes, text."""
    array = one_array(label)
    if array.null_count:
        raise DataError(f"score: label has {array.null_count} nulls; drop these rows.")
    if not (is_number(array.type) or (schema and is_text(array.type))):
        raise DataError(f"score needs labels like those of the training, not {array.type}.")
    return array


def _check_label(schema: Schema) -> None:
    if not schema.labels:
        raise ExportError("Only a model with a label has a score; this one learnt without.")
