"""Counts of the training rows by the values of their columns, and by what the state predicts of them."""

import numpy as np
import numpy.typing as npt

from yarnml.control.reports import RowsCounted
from yarnml.data.schema import Rows, Schema
from yarnml.reduce.tree import Vector
from yarnml.worker.full_pass import sum_dataset
from yarnml.worker.progress import ProgressTracker
from yarnml.worker.tasks import Tasks
from yarnml.worker.training import Training

MAX_FEATURES = 1000
"""Numbers of a row that are counted; of wider rows, the predictions alone are."""


def count_rows(edges: list[list[float]], training: Training, tasks: Tasks, tracker: ProgressTracker) -> RowsCounted:
    """Count all training rows; the same on every worker.

    ``edges``: of the bins of each column; none for the moments.
    """
    replica = training.replica
    schema = replica.schema
    columns = column_names(schema)
    bins = [np.array(column) for column in edges]

    def batch_sums(rows: Rows) -> Vector:
        outputs, _ = replica.evaluate(rows)
        values = values_of(rows, outputs, schema)
        return (counts(values, bins) if bins else moments(values)).ravel()

    scan = training.loaders.loader("train", schema).scan
    total = sum_dataset(scan, batch_sums, tasks, training.job.workers, tracker.finish_batch)
    sums: list[list[float]] = total.reshape(len(columns) if bins else 3, -1).tolist()
    return RowsCounted(columns, sums)


def column_names(schema: Schema) -> list[str]:
    """Names of the columns of `values_of`."""
    classes = [f"prediction {name}" for name in schema.classes or ()]
    outputs = classes[-1:] if len(classes) == 2 else classes or ["prediction"]
    return [*(schema.names if schema.width <= MAX_FEATURES else []), *outputs]


def values_of(rows: Rows, outputs: npt.NDArray[np.float32], schema: Schema) -> npt.NDArray[np.float64]:
    """[rows that count, columns]: features as they are prepared, and predictions; of two classes the second's alone."""
    counting = rows.weight > 0
    features = rows.x[counting, : schema.width if schema.width <= MAX_FEATURES else 0]
    predicted = outputs[counting].reshape(len(features), -1)
    if predicted.shape[1] == 2:
        predicted = predicted[:, 1:]
    return np.concatenate([features, predicted], axis=1).astype(np.float64)


def moments(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """[3, columns]: how many rows there are, Σ x and Σ x²."""
    sums = [np.full(values.shape[1], float(len(values))), values.sum(axis=0), (values**2).sum(axis=0)]
    return np.stack(sums)


def counts(values: npt.NDArray[np.float64], edges: list[npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
    """[columns, bins]: rows in each bin; a value on an edge is in the bin below it."""
    rows = [
        np.bincount(np.searchsorted(edge, column), minlength=len(edge) + 1)
        for edge, column in zip(edges, values.T, strict=True)
    ]
    return np.array(rows, np.float64)
