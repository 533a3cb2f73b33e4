"""The fit of a calibration: sums over the validation rows, by bins of their score.

The sums of a bin are the weights of a class and of all others, and Σ weight · score.  A bin is so narrow that its rows
are taken for rows of its mean score.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from yarnml.data.calibration import Calibration, Curve, Kind, Score, scores_of
from yarnml.data.schema import Rows
from yarnml.errors import DataError
from yarnml.reduce.tree import Vector
from yarnml.worker.full_pass import sum_dataset
from yarnml.worker.progress import ProgressTracker
from yarnml.worker.tasks import Tasks
from yarnml.worker.temperature import Sum, inverse_temperature
from yarnml.worker.training import Training

BINS = 1 << 16
"""Of scores from -∞ to ∞, for two classes: 0.0001 wide around 0, 0.002 at ±8."""
BINS_OF_CLASS = 1 << 13
"""The same for each of more classes: 0.001 wide around 0."""

MAX_NEWTON_STEPS = 100
TOLERANCE = 1e-12


def calibrate(kind: Kind, training: Training, tasks: Tasks, tracker: ProgressTracker) -> Calibration:
    """Fit a calibration on the validation rows; the same on every worker.

    Raises DataError where these have no row of some class.
    """
    replica = training.replica
    classes = replica.schema.classes or ()
    score: Score = "margin" if training.job.learner.kind == "svm" else "log_odds"
    scan = training.loaders.loader("validation", replica.schema).scan

    def total(function: Sum, number: int) -> Vector:
        """The sums of a function of outputs and rows, the command's ``number``-th, over all validation rows."""

        def batch_sums(rows: Rows) -> Vector:
            outputs, _ = replica.evaluate(rows)
            return function(outputs, rows)

        return sum_dataset(scan, batch_sums, tasks, training.job.workers, tracker.finish_batch, step=number)

    if kind == "temperature":
        return Calibration(kind, score, (inverse_temperature(total),))
    return fitted(kind, score, total(lambda outputs, rows: class_sums(outputs, rows, score), 0), classes)


def class_sums(outputs: npt.NDArray[np.float32], rows: Rows, score: Score) -> Vector:
    """The `bin_sums` of each class, one behind the other; of two classes those of the second."""
    classes = range(outputs.shape[1])[1 if outputs.shape[1] == 2 else 0 :]
    bins = BINS if len(classes) == 1 else BINS_OF_CLASS
    return np.concatenate([bin_sums(scores_of(outputs[:, k], score), rows.y == k, rows.weight, bins) for k in classes])


def bin_sums(
    score: npt.NDArray[np.float64], is_member: npt.NDArray[np.bool_], weight: npt.NDArray[np.float32], count: int
) -> Vector:
    """[3 · count]: the weights of rows of a class and of all others, and Σ weight · score, by bin."""
    place = (1 + score / (2 + np.abs(score))) / 2
    bins = np.clip(np.floor(count * place), 0, count - 1).astype(np.int64)
    weights = weight.astype(np.float64)
    parts = [weights * is_member, weights * ~is_member, weights * score]
    return np.concatenate([np.bincount(bins, part, count) for part in parts])


def fitted(kind: Kind, score: Score, sums: Vector, classes: Sequence[object]) -> Calibration:
    """The calibration of the `class_sums` of all rows."""
    names = classes[1:] if len(classes) == 2 else classes
    curves = []
    for name, own in zip(names, sums.reshape(len(names), 3, -1), strict=True):
        positive, negative, scores = own[:, own[0] + own[1] > 0]
        if not positive.any() or not negative.any():
            lack = f"there is none of '{name}'" if len(names) > 1 else "there are of one alone"
            raise DataError(f"evaluation.calibration needs rows of every class in data.validation; {lack}.")
        mean = scores / (positive + negative)
        fit = isotonic if kind == "isotonic" else platt
        curves.append(fit(mean, positive, negative))
    if len(classes) == 2:
        return Calibration(kind, score, curves[0].scores, curves[0].shares)
    return Calibration(kind, score, (), curves=tuple(curves))


def platt(score: Vector, positive: Vector, negative: Vector) -> Curve:
    """Slope and offset of the largest likelihood, by Newton's method.

    The targets are Platt's: (p + 1) / (p + 2) for the class and 1 / (n + 2) for all others, where p and n are the
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
    return Curve((float(theta[0]), float(theta[1])))


def isotonic(score: Vector, positive: Vector, negative: Vector) -> Curve:
    """The points of the rising function with the least squared error: the ends of its steps."""
    from scipy.optimize import isotonic_regression  # type: ignore[import-untyped]  # takes long to load

    weight = positive + negative
    share = isotonic_regression(positive / weight, weights=weight).x
    changes = share[1:] != share[:-1]
    is_end = np.append(True, changes) | np.append(changes, True)
    return Curve(tuple(score[is_end].tolist()), tuple(share[is_end].tolist()))
