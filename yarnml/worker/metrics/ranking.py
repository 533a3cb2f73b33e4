"""Metrics of the order in which a model puts rows: areas under the ROC and the precision-recall curve, KS, lift.

All are read off histograms of the scores.  Scores in one bin count as a tie; ``…_error`` is the most that this can
change a metric.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from yarnml.data.schema import Schema
from yarnml.reduce.tree import Vector
from yarnml.worker.metrics.base import Metrics, Scored, Statistic, numbers_in, ratio

BINS = 1 << 16
"""Bins of the histogram of the second of two classes' scores."""

BINS_OF_MANY = 1 << 12
"""Bins of the histogram of each class, of several."""


class TwoClasses:
    """The order in which rows of two classes are put, the second class first."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._lifts = numbers_in(names, "lift_")
        self._counts_rows = "pr_auc" in names
        self.size = (3 if self._counts_rows else 2) * BINS

    def sums(self, rows: Scored) -> Vector:
        # a probability stays itself, logits are compared
        bins = rank_bin((1 - rows.outputs[:, 0] + rows.outputs[:, 1]) / 2, BINS)
        histograms = [np.bincount(bins, rows.weight * (rows.y == c), BINS) for c in (1, 0)]
        number = [np.bincount(bins, minlength=BINS).astype(np.float64)] if self._counts_rows else []
        return np.concatenate([*histograms, *number])

    def metrics(self, total: Vector, weight: float) -> Metrics:
        positive, negative, *number = np.split(total, self.size // BINS)
        if not positive.any() or not negative.any():
            return {}
        metrics = roc(positive, negative)
        if self._counts_rows:
            metrics |= _precision_recall(positive, negative, number[0])
        if "ks" in self._names:
            metrics |= _kolmogorov_smirnov(positive, negative)
        return metrics | {name: _lift(positive, negative, share / 100) for name, share in self._lifts.items()}


class ManyClasses:
    """The mean over the classes of the area under the ROC curve of one class against all others.

    Not defined where a class has no rows.
    """

    def __init__(self, schema: Schema) -> None:
        self._classes = schema.outputs
        self.size = 2 * BINS_OF_MANY * self._classes

    def sums(self, rows: Scored) -> Vector:
        histograms = []
        for c in range(self._classes):
            bins = rank_bin(rows.outputs[:, c], BINS_OF_MANY)
            histograms += [np.bincount(bins, rows.weight * is_part, BINS_OF_MANY) for is_part in _parts(rows.y == c)]
        return np.concatenate(histograms)

    def metrics(self, total: Vector, weight: float) -> Metrics:
        histograms = total.reshape(self._classes, 2, BINS_OF_MANY)
        if not histograms.any(axis=2).all():
            return {}
        curves = [roc(positive, negative) for positive, negative in histograms]
        means = {name: sum(curve[name] for curve in curves) / self._classes for name in curves[0]}
        return {f"macro_{name}": value for name, value in means.items()}


def _parts(is_own: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    return is_own, ~is_own


def rank_bin(score: npt.NDArray[Any], bins: int) -> npt.NDArray[np.int64]:
    """A bin number that never decreases with the score: fine where probabilities, or logits, usually are.

    Half of the bins lie on the probabilities 0 … 1, spaced evenly in tanh(logit / 8); a quarter each on what is below
    and above, spaced evenly in the logarithm of the distance.
    """
    s = np.nan_to_num(score.astype(np.float64))
    inside = np.clip(s, 1e-30, 1 - 1e-16)
    middle = np.tanh((np.log(inside) - np.log1p(-inside)) / 8) / 2  # -0.5 … 0.5
    distance = np.where(s < 0, -s, np.where(s > 1, s - 1, 0.0))
    outer = np.clip((np.log2(distance + 2**-30) + 30) / 90, 0, 1) / 2  # 0 … 0.5
    place = np.where(s < 0, -0.5 - outer, np.where(s > 1, 0.5 + outer, middle))
    return np.clip(((place + 1) / 2 * bins).astype(np.int64), 0, bins - 1)


def roc(positive: Vector, negative: Vector) -> Metrics:
    """Area under the ROC curve: the share of (positive, negative) pairs in the right order, ties counting half."""
    pairs = float(positive.sum() * negative.sum())
    below = np.concatenate([[0.0], np.cumsum(negative)[:-1]])
    ties = float(positive @ negative)
    return {"roc_auc": (float(positive @ below) + ties / 2) / pairs, "roc_auc_error": ties / 2 / pairs}


def _precision_recall(positive: Vector, negative: Vector, number: Vector) -> Metrics:
    """Average precision: over the positive rows, the precision among all rows that score as high or higher.

    ``number``: of the rows in each bin; where there is one, nothing is lost.
    """
    hits = np.cumsum(positive[::-1])
    wrong = np.cumsum(negative[::-1])
    gained = positive[::-1]
    holds = gained > 0
    precision = ratio(hits, hits + wrong)
    best = ratio(hits, hits + wrong - negative[::-1])  # the bin's positive rows come first
    worst = ratio(hits - gained, hits - gained + wrong)  # they come last
    error = np.maximum(best - precision, precision - worst)
    is_shared = holds & (number[::-1] > 1)
    return {
        "pr_auc": float(gained[holds] @ precision[holds] / hits[-1]),
        "pr_auc_error": float(gained[is_shared] @ error[is_shared] / hits[-1]),
    }


def _kolmogorov_smirnov(positive: Vector, negative: Vector) -> Metrics:
    """The largest lead of the share of positive rows over that of negative ones, among the best-scored rows."""
    shares = (positive / positive.sum(), negative / negative.sum())
    leads = np.cumsum((shares[0] - shares[1])[::-1])
    return {"ks": max(float(leads.max()), 0.0), "ks_error": float(np.minimum(*shares).max())}


def _lift(positive: Vector, negative: Vector, share: float) -> float:
    """The share of positive rows among the best-scored ``share`` of all rows, over that among all rows.

    The bin at its border counts in part.
    """
    rows = (positive + negative)[::-1]
    size = share * rows.sum()
    taken = np.clip(size - (np.cumsum(rows) - rows), 0, rows)
    return float(ratio(taken, rows) @ positive[::-1] / positive.sum() / share)


def two_classes(schema: Schema, names: Sequence[str]) -> Statistic | None:
    return TwoClasses(names) if schema.task == "class" and schema.outputs == 2 else None


def many_classes(schema: Schema, names: Sequence[str]) -> Statistic | None:
    return ManyClasses(schema) if "macro_roc_auc" in names else None
