"""The fit of a calibration: sums over the validation rows, by bins of their score.

The sums of a bin are the weights of both classes, and Σ weight · score.  A bin is so narrow that its rows are taken for
rows of its mean score.
"""

from typing import Literal

import numpy as np
import numpy.typing as npt

from yarnml.data.calibration import Calibration, scores_of
from yarnml.data.schema import Rows
from yarnml.errors import DataError
from yarnml.reduce.tree import Vector
from yarnml.worker.full_pass import sum_dataset
from yarnml.worker.progress import ProgressTracker
from yarnml.worker.tasks import Tasks
from yarnml.worker.training import Training

BINS = 1 << 16
"""Of scores from -∞ to ∞: 0.0001 wide around 0, 0.002 at ±8."""

MAX_NEWTON_STEPS = 100
TOLERANCE = 1e-12


def calibrate(
    kind: Literal["platt", "isotonic"], training: Training, tasks: Tasks, tracker: ProgressTracker
) -> Calibration:
    """Fit a calibration on the validation rows; the same on every worker.

    Raises DataError where these have one class alone.
    """
    replica = training.replica
    score: Literal["log_odds", "margin"] = "margin" if training.job.learner.kind == "svm" else "log_odds"

    def batch_sums(rows: Rows) -> Vector:
        outputs, _ = replica.evaluate(rows)
        return bin_sums(scores_of(outputs, score), rows.y, rows.weight)

    scan = training.loaders.loader("validation", replica.schema).scan
    total = sum_dataset(scan, batch_sums, tasks, training.job.workers, tracker.finish_batch)
    return fitted(kind, score, total.reshape(3, BINS))


def bin_sums(score: npt.NDArray[np.float64], y: npt.NDArray[np.int32], weight: npt.NDArray[np.float32]) -> Vector:
    """[3 · bins]: the weights of the second and the first class, and Σ weight · score, by bin."""
    place = (1 + score / (2 + np.abs(score))) / 2
    bins = np.clip(np.floor(BINS * place), 0, BINS - 1).astype(np.int64)
    weights = weight.astype(np.float64)
    parts = [weights * (y == 1), weights * (y == 0), weights * score]
    return np.concatenate([np.bincount(bins, part, BINS) for part in parts])


def fitted(kind: Literal["platt", "isotonic"], score: Literal["log_odds", "margin"], sums: Vector) -> Calibration:
    """The calibration of these sums [3, bins]."""
    positive, negative, scores = sums[:, sums[0] + sums[1] > 0]
    if not positive.any() or not negative.any():
        raise DataError("evaluation.calibration needs rows of both classes in data.validation; there are of one alone.")
    mean = scores / (positive + negative)
    if kind == "platt":
        return Calibration(kind, score, platt(mean, positive, negative))
    return Calibration(kind, score, *isotonic(mean, positive, negative))


def platt(score: Vector, positive: Vector, negative: Vector) -> tuple[float, float]:
    """Slope and offset of the largest likelihood, by Newton's method.

    The targets are Platt's: (p + 1) / (p + 2) for the second class and 1 / (n + 2) for the first, where p and n are the
    weights of both (Platt, 1999; Lin, Lin and Weng, 2007).
    """
    high = (positive.sum() + 1) / (positive.sum() + 2)
    low = 1 / (negative.sum() + 2)
    weight = positive + negative
    target = (positive * high + negative * low) / weight
    x = np.stack([score, np.ones_like(score)], axis=1)
    theta = np.array([0.0, np.log((positive.sum() + 1) / (negative.sum() + 1))])

    def loss(parameters: Vector) -> float:
        z = x @ parameters
        return float((weight * (np.logaddexp(0, z) - target * z)).sum())

    for _ in range(MAX_NEWTON_STEPS):
        share = 1 / (1 + np.exp(-np.clip(x @ theta, -500, 500)))
        gradient = x.T @ (weight * (share - target))
        curvature = (x * (weight * share * (1 - share))[:, None]).T @ x + TOLERANCE * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        before = loss(theta)
        rate = 1.0
        while rate > TOLERANCE and loss(theta - rate * step) > before:
            rate /= 2
        theta = theta - rate * step
        if np.abs(step).max() <= TOLERANCE * (1 + np.abs(theta).max()):
            break
    return float(theta[0]), float(theta[1])


def isotonic(score: Vector, positive: Vector, negative: Vector) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The points of the rising function with the least squared error: the ends of its steps."""
    from scipy.optimize import isotonic_regression  # type: ignore[import-untyped]  # takes long to load

    weight = positive + negative
    share = isotonic_regression(positive / weight, weights=weight).x
    changes = share[1:] != share[:-1]
    is_end = np.append(True, changes) | np.append(changes, True)
    return tuple(score[is_end].tolist()), tuple(share[is_end].tolist())
