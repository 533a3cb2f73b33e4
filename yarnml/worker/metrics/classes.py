"""Metrics of predicted classes, one for each row: accuracy, precision, recall, confusion."""

import re
from collections.abc import Sequence

import numpy as np

from yarnml.data.schema import Schema
from yarnml.reduce.tree import Vector
from yarnml.worker.metrics.base import Metrics, Scored, Statistic, ratio

_AVERAGED = re.compile(r"(?:(macro|weighted)_)?(precision|recall|f(\d+(?:\.\d+)?))")


class Counts:
    """Rows of each class, rows predicted as it, and rows of which both are true.

    As in scikit-learn, a share of no rows is 0, the mean over classes is over those that are there or predicted, and
    balanced accuracy is over those that are there.  Without an average, the second of two classes is meant.
    """

    def __init__(self, schema: Schema, names: Sequence[str]) -> None:
        self._schema = schema
        self._classes = schema.classes or ()
        self._names = names
        self.size = 3 * len(self._classes)

    def sums(self, rows: Scored) -> Vector:
        predicted = self._schema.choose(rows.outputs)
        is_hit = predicted == rows.y
        n = len(self._classes)
        return np.concatenate([
            np.bincount(rows.y, rows.weight, n),
            np.bincount(predicted, rows.weight, n),
            np.bincount(rows.y[is_hit], rows.weight[is_hit], n),
        ])  # fmt: skip

    def metrics(self, total: Vector, weight: float) -> Metrics:
        actual, predicted, hits = np.split(total, 3)
        metrics = {"accuracy": float(hits.sum()) / weight}
        recall = ratio(hits, actual)
        precision = ratio(hits, predicted)
        for name in self._names:
            if name == "balanced_accuracy":
                metrics[name] = float(recall[actual > 0].mean())
            elif match := _AVERAGED.fullmatch(name):
                beta = float(match[3] or 1) ** 2
                f = ratio((1 + beta) * hits, beta * actual + predicted)
                scores = {"precision": precision, "recall": recall}.get(match[2], f)
                metrics[name] = _average(match[1], scores, actual, predicted)
            elif name == "per_class":
                f1 = ratio(2 * hits, actual + predicted)
                for kind, values in (("precision", precision), ("recall", recall), ("f1", f1), ("weight", actual)):
                    labelled = zip(self._classes, values, strict=True)
                    metrics |= {f"{kind}[{label}]": float(value) for label, value in labelled}
        return metrics


def _average(kind: str | None, values: Vector, actual: Vector, predicted: Vector) -> float:
    if kind == "weighted":
        return float(values @ actual / actual.sum())
    return float(values[1] if kind is None else values[(actual > 0) | (predicted > 0)].mean())


class Confusion:
    """The weight of the rows of each class that are predicted as each class."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._classes = schema.classes or ()
        self.size = len(self._classes) ** 2

    def sums(self, rows: Scored) -> Vector:
        places = rows.y * len(self._classes) + self._schema.choose(rows.outputs)
        return np.bincount(places, rows.weight, self.size)

    def metrics(self, total: Vector, weight: float) -> Metrics:
        pairs = [(actual, predicted) for actual in self._classes for predicted in self._classes]
        return {f"confusion[{a}, {p}]": float(rows) for (a, p), rows in zip(pairs, total, strict=True)}


def counts(schema: Schema, names: Sequence[str]) -> Statistic | None:
    return Counts(schema, names) if schema.task == "class" else None


def confusion(schema: Schema, names: Sequence[str]) -> Statistic | None:
    return Confusion(schema) if "confusion" in names else None
