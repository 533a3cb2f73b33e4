"""Evaluation as sums over rows: every metric is exact for the whole data, however it is cut.

For a class label: loss, accuracy, and with two classes the area under the ROC curve.  For a number: loss, RMSE, R².
Without a label: the loss.  Metrics that are not defined are left out: R² of a constant label, the ROC curve of a single
class, everything of no rows.

The ROC curve is read off a histogram of the scores with `BINS` bins; two scores in one bin count as a tie, and
``roc_auc_error`` is the most that this can change the area (0 when no bin holds both classes).
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from yarnml.data.schema import Rows, Schema
from yarnml.errors import ModelError
from yarnml.reduce.tree import Vector

BINS = 1 << 16
"""Bins of the histogram of scores: the vector of an evaluation has two numbers for each."""


def sums_of_batch(outputs: npt.NDArray[Any], loss: npt.NDArray[Any], rows: Rows, schema: Schema) -> Vector:
    """Sums over a batch, float64, from its predictions and losses.

    ``outputs``: as `Learner.predict` returns them; ``loss`` [rows].
    """
    counts = rows.weight > 0
    weight, outputs, loss, y = (a[counts].astype(np.float64) for a in (rows.weight, outputs, loss, rows.y))
    base = [weight.sum(), (weight * loss).sum()]
    if schema.label_type == "none":
        return np.array(base)
    if schema.label_type == "number":
        return np.array([*base, (weight * np.square(outputs - y)).sum(), (weight * y).sum(), (weight * y * y).sum()])
    correct = (weight * (np.argmax(outputs, axis=-1) == y)).sum()
    if schema.outputs != 2:
        return np.array([*base, correct])
    bins = rank_bin((1 - outputs[:, 0] + outputs[:, 1]) / 2)  # a probability stays itself, logits are compared
    positive, negative = (np.bincount(bins, weight * (y == c), BINS) for c in (1, 0))
    return np.concatenate([base, [correct], positive, negative])


def metrics_of(total: Vector, schema: Schema) -> dict[str, float]:
    """The metrics of the whole data, from the sums over all its rows.

    Raises ModelError where the loss or a prediction is not a finite number.
    """
    weight = float(total[0])
    loss = float(total[1])
    if not weight > 0:
        return {}
    if not np.isfinite(total).all():
        raise ModelError(
            f"The loss on the evaluation data is {loss / weight}: the training diverged (lower the learning rate or "
            "set learner.clip_norm), or the features of this data hold NaN or infinity."
        )
    if schema.label_type == "none":
        return {"loss": loss / weight}
    if schema.label_type == "number":
        squares, y, yy = map(float, total[2:5])
        spread = yy - y * y / weight
        metrics = {"loss": loss / weight, "rmse": (squares / weight) ** 0.5}
        return metrics | {"r2": 1 - squares / spread} if spread > 1e-12 * yy else metrics
    metrics = {"loss": loss / weight, "accuracy": float(total[2]) / weight}
    return metrics | _roc(*np.split(total[3:], 2)) if schema.outputs == 2 else metrics


def rank_bin(score: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
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
    return np.clip(((place + 1) / 2 * BINS).astype(np.int64), 0, BINS - 1)


def _roc(positive: Vector, negative: Vector) -> dict[str, float]:
    """Area under the ROC curve: the share of (positive, negative) pairs in the right order, ties counting half."""
    pairs = float(positive.sum() * negative.sum())
    if not pairs:
        return {}
    below = np.concatenate([[0.0], np.cumsum(negative)[:-1]])
    ties = float(positive @ negative)
    return {"roc_auc": (float(positive @ below) + ties / 2) / pairs, "roc_auc_error": ties / 2 / pairs}
