"""Probabilities and scores of a loaded model, from the outputs of its program."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from yarnml.data.arrays import float64, is_number, is_text, one_array
from yarnml.data.lookup import places
from yarnml.data.schema import Schema
from yarnml.data.shapes import columns_of
from yarnml.errors import DataError, ExportError

MAX_ROUNDING = 1e-3
"""By how much the probabilities of a row, float32 or bfloat16, may miss 1."""


def probabilities(outputs: npt.NDArray[np.float32], schema: Schema, kind: str) -> npt.NDArray[np.float32]:
    """[rows, classes]: the outputs, where they are probabilities; ExportError where they are something else."""
    if not schema.classes or outputs.ndim != 2:
        raise ExportError("Only a model of classes has probabilities; this one predicts something else.")
    is_share = (outputs >= 0).all() and (np.abs(outputs.sum(axis=1) - 1) <= MAX_ROUNDING).all()
    if kind == "svm" or not is_share:
        raise ExportError(f"The outputs of learner.kind {kind} are no probabilities here; see Model.outputs.")
    return outputs


def label_of(table: pa.Table | None, schema: Schema) -> pa.ChunkedArray:
    """The column of a table that has the label's name; DataError where there is none."""
    if table is None:
        raise DataError("score needs label, one for each row, where the rows are an array.")
    return columns_of(table, [_name(schema)], "the table")[0]


def score(outputs: npt.NDArray[np.float32], label: pa.ChunkedArray, weight: Any, schema: Schema) -> float:
    """Accuracy where the label is a class, R² where it is a number; NaN of a constant label.

    ``outputs``: [rows, classes] or [rows], of the rows whose labels these are.
    """
    _name(schema)
    weights = np.ones(len(outputs)) if weight is None else np.asarray(weight, np.float64)
    if len(label) != len(outputs) or weights.shape != (len(outputs),):
        raise DataError(
            f"score needs one label and one weight for each of {len(outputs)} rows, got {len(label)} labels and "
            f"weights of the shape {list(weights.shape)}."
        )
    array = one_array(label)
    if array.null_count:
        raise DataError(f"score: label has {array.null_count} nulls; drop these rows.")
    if not (is_number(array.type) or (schema.classes and is_text(array.type))):
        raise DataError(f"score needs labels like those of the training, not {array.type}.")
    if schema.classes:
        known = places(array, schema.classes).fill_null(-1).to_numpy(zero_copy_only=False)
        return float(np.average(known == schema.choose(outputs), weights=weights))
    y = float64(array)
    errors = np.square(y - outputs).dot(weights)
    spread = np.square(y - np.average(y, weights=weights)).dot(weights)
    return float(1 - errors / spread) if spread > 0 else float("nan")


def _name(schema: Schema) -> str:
    """The name of the label; ExportError where the model has none."""
    if schema.label is None:
        raise ExportError("Only a model with a label has a score; this one learnt without.")
    return schema.label
