"""Metrics of the probabilities of classes: log loss, Brier score, calibration, the first k classes."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from yarnml.data.schema import Schema
from yarnml.reduce.tree import Vector
from yarnml.worker.metrics.base import Metrics, Scored, Statistic, numbers_in

CALIBRATION_BINS = 15
"""Bins of the expected calibration error (Guo et al. 2017), of equal width in the probability."""

LEAST = float(np.finfo(np.float32).eps)
"""The least probability that counts in a log loss, as in scikit-learn."""

TOLERANCE = 1e-3


class Probabilities:
    """Log loss, Brier score and calibration error; left out where the outputs are no probabilities.

    The Brier score of two classes is that of the second one, of more the sum over all, as in scikit-learn.
    """

    size = 3 + 3 * CALIBRATION_BINS

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def sums(self, rows: Scored) -> Vector:
        p = rows.outputs
        is_none = (np.abs(p.sum(axis=1) - 1) > TOLERANCE) | (p < -TOLERANCE).any(axis=1)
        own = np.take_along_axis(p, rows.y[:, None], 1)[:, 0]
        log_loss = -np.log(np.clip(own, LEAST, 1.0))
        squares = np.square(p).sum(axis=1) - 2 * own + 1
        brier = squares / 2 if p.shape[1] == 2 else squares
        sums = [rows.weight[is_none].sum(), (rows.weight * log_loss).sum(), (rows.weight * brier).sum()]
        return np.concatenate([sums, *_calibration(rows)])

    def metrics(self, total: Vector, weight: float) -> Metrics:
        if total[0]:
            return {}
        _, confidence, hits = np.split(total[3:], 3)
        values = {
            "log_loss": float(total[1]) / weight,
            "brier": float(total[2]) / weight,
            "calibration_error": float(np.abs(confidence - hits).sum()) / weight,
        }
        return {name: value for name, value in values.items() if name in self._names}


def _calibration(rows: Scored) -> tuple[Vector, Vector, Vector]:
    """Weight, probability of the predicted class, and hits, by that probability."""
    confidence = rows.outputs.max(axis=1)
    bins = np.clip(np.ceil(confidence * CALIBRATION_BINS) - 1, 0, CALIBRATION_BINS - 1).astype(np.int64)
    hits = np.argmax(rows.outputs, axis=1) == rows.y
    weights = (rows.weight, rows.weight * confidence, rows.weight * hits)
    return tuple(np.bincount(bins, w, CALIBRATION_BINS) for w in weights)  # type: ignore[return-value]


class FirstClasses:
    """The share of rows whose class is among the k most probable; of equal ones the first count."""

    def __init__(self, sizes: dict[str, float]) -> None:
        self._sizes = sizes
        self.size = len(sizes)

    def sums(self, rows: Scored) -> Vector:
        rank = _rank(rows)
        return np.array([(rows.weight * (rank < k)).sum() for k in self._sizes.values()])

    def metrics(self, total: Vector, weight: float) -> Metrics:
        return {name: float(hits) / weight for name, hits in zip(self._sizes, total, strict=True)}


def _rank(rows: Scored) -> npt.NDArray[np.int64]:
    """[rows]: the number of classes that come before the row's own."""
    own = np.take_along_axis(rows.outputs, rows.y[:, None], 1)
    is_earlier = np.arange(rows.outputs.shape[1]) < rows.y[:, None]
    is_before = (rows.outputs > own) | ((rows.outputs == own) & is_earlier)
    return np.asarray(is_before.sum(axis=1))


def probabilities(schema: Schema, names: Sequence[str]) -> Statistic | None:
    return Probabilities(names) if {"log_loss", "brier", "calibration_error"} & {*names} else None


def first_classes(schema: Schema, names: Sequence[str]) -> Statistic | None:
    sizes = numbers_in(names, "top_", "_accuracy")
    return FirstClasses(sizes) if sizes else None
