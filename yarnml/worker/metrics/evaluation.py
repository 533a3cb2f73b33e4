"""Evaluation as sums over rows: every metric is exact for the whole data, however it is cut.

Some metrics are always there, others where the job asks for them (`yarnml.job.metrics`).  Those that are not defined
are left out: R² of a constant label, the ROC curve of a single class, everything of no rows.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from yarnml.data.schema import Rows, Schema
from yarnml.errors import ModelError
from yarnml.job.metrics import SCORE
from yarnml.reduce.tree import Vector
from yarnml.worker.metrics.base import MakeStatistic, Metrics, Scored
from yarnml.worker.metrics.classes import confusion, counts
from yarnml.worker.metrics.clusters import silhouette
from yarnml.worker.metrics.labels import labels
from yarnml.worker.metrics.numbers import absolute_errors, deviances, median_error, quantile_losses, squared_errors
from yarnml.worker.metrics.probabilities import first_classes, probabilities
from yarnml.worker.metrics.quantiles import losses_of_quantiles
from yarnml.worker.metrics.ranking import many_classes, two_classes
from yarnml.worker.metrics.texts import pieces
from yarnml.worker.metrics.threshold import threshold

STATISTICS: tuple[MakeStatistic, ...] = (
    squared_errors,
    absolute_errors,
    median_error,
    quantile_losses,
    losses_of_quantiles,
    deviances,
    counts,
    two_classes,
    probabilities,
    first_classes,
    many_classes,
    confusion,
    threshold,
    labels,
    silhouette,
    pieces,
)


class Evaluation:
    """The metrics of an evaluation: those that every one has, and those of these ``names``.

    ``judged_as``: the label as metrics see it, see `LearnerOptions.judged_as`; that of the schema where nobody says.
    """

    def __init__(self, schema: Schema, names: Sequence[str] = (), judged_as: str | None = None) -> None:
        made = [] if judged_as == SCORE else [make(schema, names) for make in STATISTICS]
        self._statistics = [statistic for statistic in made if statistic is not None]
        self._label = np.int64 if schema.label_type == "class" else np.float64

    @property
    def size(self) -> int:
        """The number of sums."""
        return 2 + sum(statistic.size for statistic in self._statistics)

    def sums(self, outputs: npt.NDArray[Any], loss: npt.NDArray[Any], rows: Rows) -> Vector:
        """Sums over a batch, float64, from its predictions and losses.

        ``outputs``: as `Learner.predict` returns them; ``loss`` [rows].
        """
        counts = rows.weight > 0
        weight = rows.weight[counts].astype(np.float64)
        losses = loss[counts].astype(np.float64)
        base = np.array([weight.sum(), (weight * losses).sum()])
        if not self._statistics:
            return base
        scored = Scored(outputs[counts].astype(np.float64), losses, rows.y[counts].astype(self._label), weight)
        return np.concatenate([base, *(statistic.sums(scored) for statistic in self._statistics)])

    def metrics(self, total: Vector) -> Metrics:
        """The metrics of the whole data, from the sums over all its rows.

        Raises ModelError where the loss or a prediction is not a finite number.
        """
        weight = float(total[0])
        loss = float(total[1])
        if not weight > 0:
            return {}
        if not np.isfinite(total).all():
            raise ModelError(
                f"The loss on the evaluation data is {loss / weight}: the training diverged (lower the learning rate "
                "or set learner.clip_norm), or the features of this data hold NaN or infinity."
            )
        metrics = {"loss": loss / weight}
        start = 2
        for statistic in self._statistics:
            metrics |= statistic.metrics(total[start : start + statistic.size], weight)
            start += statistic.size
        return metrics
