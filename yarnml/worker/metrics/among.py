"""Metrics of all rows of a dataset at once: of their order within groups, and of survival times."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from yarnml.data.placed import PlacedRows
from yarnml.job.metrics import of_groups, of_times
from yarnml.job.spec import Job
from yarnml.reduce.tree import Vector
from yarnml.worker.metrics.base import Metrics
from yarnml.worker.metrics.groups import Groups
from yarnml.worker.metrics.times import Times


class Among:
    """Those of a job's metrics with these ``names`` that are of all rows; ``rows``: of the dataset.

    The loss is among them where that of a row hangs on other rows.
    """

    def __init__(self, job: Job, names: Sequence[str], rows: int) -> None:
        ranked = [name for name in names if of_groups(name)]
        timed = [name for name in names if of_times(name)]
        whole = job.learner.loss_among
        self._groups = Groups(ranked, rows, whole == "groups") if ranked else None
        self._times = Times(rows, timed, is_risk=whole == "times") if timed else None
        self.size = sum(part.size for part in (self._groups, self._times) if part)

    def sums(self, batch: PlacedRows, outputs: npt.NDArray[Any]) -> Vector:
        """[size]: those of a batch, from its predictions."""
        if not self.size:
            return np.empty(0)
        size = len(batch.groups)
        score = (outputs[:size] if outputs.ndim == 1 else outputs[:size, 1] - outputs[:size, 0]).astype(np.float64)
        weight = batch.rows.weight[:size]
        label = batch.rows.y[:size].astype(np.float64)
        sums = []
        if self._groups:
            sums.append(self._groups.sums(batch.place, np.where(weight > 0, batch.groups, 0.0), score, label))
        if self._times:
            sums.append(self._times.sums(batch.place, weight.astype(np.float64), score, label))
        return np.concatenate(sums) if sums else np.empty(0)

    def metrics(self, total: Vector) -> Metrics:
        """The metrics of all rows, from the sums over them."""
        size = self._groups.size if self._groups else 0
        of_order = self._groups.metrics(total[:size]) if self._groups else {}
        return of_order | (self._times.metrics(total[size:]) if self._times else {})
