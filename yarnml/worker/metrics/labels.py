"""Metrics of several labels at once: numbers (multi-output regression), or classes that a row has or has not.

Averages and their names are scikit-learn's; with ``per_label`` there are those of each label besides.
"""

import re
from collections.abc import Sequence

import numpy as np

from yarnml.data.schema import Schema
from yarnml.reduce.tree import Vector
from yarnml.worker.metrics.base import Metrics, Scored, Statistic, ratio

PER_LABEL = "per_label"

_AVERAGED = re.compile(r"(micro|macro|weighted)_(precision|recall|f(\d+(?:\.\d+)?))")


class NumbersOfLabels:
    """RMSE, R² and mean absolute error as means over the labels; R² is of those that are not constant.

    ``centre`` [labels]: labels are counted from here, so that the squares of large ones close to each other do not
    cancel.
    """

    def __init__(self, schema: Schema, names: Sequence[str]) -> None:
        self._labels = schema.labels
        self._names = names
        self._centre = np.asarray(schema.centre)
        self.size = 4 * len(schema.labels)

    def sums(self, rows: Scored) -> Vector:
        above = rows.y - self._centre
        error = rows.outputs - rows.y
        parts = [np.square(error), np.abs(error), above, np.square(above)]
        return np.concatenate([(rows.weight[:, None] * part).sum(axis=0) for part in parts])

    def metrics(self, total: Vector, weight: float) -> Metrics:
        squares, sizes, y, yy = np.split(total / weight, 4)
        spread = yy - y * y
        varies = spread > 1e-12 * yy
        r2 = 1 - squares[varies] / spread[varies]
        errors = {"rmse": np.sqrt(squares), "mae": sizes}
        metrics = {name: float(values.mean()) for name, values in errors.items() if name in ("rmse", *self._names)}
        if len(r2):
            metrics["r2"] = float(r2.mean())
        if PER_LABEL in self._names:
            for name, values in errors.items():
                metrics |= {f"{name}[{label}]": float(v) for label, v in zip(self._labels, values, strict=True)}
            known = [label for label, is_known in zip(self._labels, varies, strict=True) if is_known]
            metrics |= {f"r2[{label}]": float(v) for label, v in zip(known, r2, strict=True)}
        return metrics


class ClassesOfLabels:
    """The share of rows that are right in all labels, the share of labels that are wrong, precision, recall and F.

    Counts of a label are of its second class; a share of no rows is 0.
    """

    def __init__(self, schema: Schema, names: Sequence[str]) -> None:
        self._schema = schema
        self._names = names
        self.size = 1 + 4 * len(schema.labels)

    def sums(self, rows: Scored) -> Vector:
        predicted = self._schema.choose(rows.outputs)
        is_wrong = predicted != rows.y
        parts = [rows.y, predicted, rows.y * predicted, is_wrong]
        is_exact = ~is_wrong.any(axis=1)
        counts = [(rows.weight[:, None] * part).sum(axis=0) for part in parts]
        return np.concatenate([[rows.weight[is_exact].sum()], *counts])

    def metrics(self, total: Vector, weight: float) -> Metrics:
        actual, predicted, hits, wrong = np.split(total[1:], 4)
        metrics = {"subset_accuracy": float(total[0]) / weight, "hamming_loss": float(wrong.mean()) / weight}
        for name in self._names:
            if match := _AVERAGED.fullmatch(name):
                metrics[name] = _average(match, actual, predicted, hits)
            elif name == PER_LABEL:
                f1 = ratio(2 * hits, actual + predicted)
                scores = {"precision": ratio(hits, predicted), "recall": ratio(hits, actual), "f1": f1}
                for kind, values in {**scores, "weight": actual}.items():
                    labelled = zip(self._schema.labels, values, strict=True)
                    metrics |= {f"{kind}[{label}]": float(value) for label, value in labelled}
        return metrics


def _average(name: re.Match[str], actual: Vector, predicted: Vector, hits: Vector) -> float:
    """The average that a name asks for: of all counts, of the labels, or of the labels by their rows."""
    weights = actual / actual.sum() if actual.sum() > 0 else np.zeros_like(actual)
    if name[1] == "micro":
        actual, predicted, hits = (counts.sum(keepdims=True) for counts in (actual, predicted, hits))
    beta = float(name[3] or 1) ** 2
    f = ratio((1 + beta) * hits, beta * actual + predicted)
    values = {"precision": ratio(hits, predicted), "recall": ratio(hits, actual)}.get(name[2], f)
    return float(values @ weights if name[1] == "weighted" else values.mean())


def labels(schema: Schema, names: Sequence[str]) -> Statistic | None:
    if schema.task == "multioutput":
        return NumbersOfLabels(schema, names)
    return ClassesOfLabels(schema, names) if schema.task == "multilabel" else None
