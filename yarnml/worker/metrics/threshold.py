"""The probability from which on the second of two classes is predicted, chosen by a metric on all rows.

Candidates are the borders between the bins of a histogram of that probability, all numbers that float32 holds.  So the
metric of each is exact; ``…_error`` is the most by which a threshold between two borders could be better.
"""

import re
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from yarnml.data.schema import Schema
from yarnml.errors import JobFileError
from yarnml.job.evaluation import THRESHOLD
from yarnml.reduce.tree import Vector
from yarnml.worker.metrics.base import Metrics, Scored, Statistic, ratio

BINS = 1 << 16

Judge = Callable[[Vector, Vector, float, float], Vector]
"""A metric by the weights that are rightly and wrongly predicted as the second class, and those of both classes."""


class Threshold:
    """The threshold with the largest value of a metric; of equal ones the nearest to 0.5, then the smaller."""

    size = 2 * BINS

    def __init__(self, metric: str) -> None:
        self._metric = metric
        self._judge = judge_of(metric)

    def sums(self, rows: Scored) -> Vector:
        bins = np.clip(np.floor(rows.outputs[:, 1] * BINS), 0, BINS - 1).astype(np.int64)
        return np.concatenate([np.bincount(bins, rows.weight * (rows.y == c), BINS) for c in (1, 0)])

    def metrics(self, total: Vector, weight: float) -> Metrics:
        positive, negative = np.split(total, 2)
        if not positive.any() or not negative.any():
            return {}
        whole = (float(positive.sum()), float(negative.sum()))
        hits, wrong = (np.cumsum(part[::-1])[::-1] for part in (positive, negative))  # at or above each border
        values = self._judge(hits, wrong, *whole)[1:]  # a threshold of 0 would tell nothing apart
        # Between two borders at most the positive rows of the bin are gained.
        bound = self._judge(hits, wrong - negative, *whole)
        best = np.flatnonzero(values == values.max()) + 1
        border = int(best[np.argmin(np.abs(best - BINS // 2))])
        value = float(values[border - 1])
        return {
            f"threshold_{self._metric}": border / BINS,
            f"{self._metric}_at_threshold": value,
            f"{self._metric}_at_threshold_error": max(0.0, float(bound.max()) - value),
        }


def judge_of(metric: str) -> Judge:
    """The metric of this name, of every threshold at once."""
    if metric == "accuracy":
        return lambda hits, wrong, positive, negative: (hits + negative - wrong) / (positive + negative)
    if metric == "balanced_accuracy":
        return lambda hits, wrong, positive, negative: (hits / positive + 1 - wrong / negative) / 2
    return partial(_f_score, float(metric[1:]) ** 2)


def _f_score(square: float, hits: Vector, wrong: Vector, positive: float, negative: float) -> Vector:
    return ratio((1 + square) * hits, square * positive + hits + wrong)


def threshold(schema: Schema, names: Sequence[str]) -> Statistic | None:
    """Make the statistic of a name such as ``threshold_f1``; JobFileError where there are not two classes."""
    metric = next((match[1] for name in names if (match := re.fullmatch(f"threshold_({THRESHOLD})", name))), None)
    if metric and schema.outputs != 2:
        raise JobFileError(f"evaluation.threshold is for two classes, and there are {schema.outputs}; remove it.")
    return Threshold(metric) if metric else None
