"""Metrics of several quantiles of one label."""

from collections.abc import Sequence

import numpy as np

from yarnml.data.output_columns import names_of_numbers
from yarnml.data.schema import Schema
from yarnml.reduce.tree import Vector
from yarnml.worker.metrics.base import Metrics, Scored, Statistic


class LossesOfQuantiles:
    """The quantile (pinball) loss of each quantile, their mean, and the coverage: the part of labels not above it."""

    def __init__(self, schema: Schema) -> None:
        self._names = names_of_numbers(schema)
        self._shares = np.array(schema.quantiles)
        self.size = 2 * len(self._shares)

    def sums(self, rows: Scored) -> Vector:
        above = rows.y[:, None] - rows.outputs
        losses = np.maximum(self._shares * above, (self._shares - 1) * above)
        return np.concatenate([(rows.weight[:, None] * part).sum(axis=0) for part in (losses, above <= 0)])

    def metrics(self, total: Vector, weight: float) -> Metrics:
        losses, covered = np.split(total / weight, 2)
        metrics = {"quantile_loss": float(losses.mean())}
        for kind, values in (("quantile_loss", losses), ("coverage", covered)):
            metrics |= {f"{kind}_{name}": float(value) for name, value in zip(self._names, values, strict=True)}
        return metrics


def losses_of_quantiles(schema: Schema, names: Sequence[str]) -> Statistic | None:
    return LossesOfQuantiles(schema) if schema.task == "quantiles" else None
