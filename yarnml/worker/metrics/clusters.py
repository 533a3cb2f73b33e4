"""Metrics of clusters, which need no labels: how well rows lie within them, and what a density costs."""

import math
from collections.abc import Sequence

import numpy as np

from yarnml.data.schema import Schema
from yarnml.reduce.tree import Vector
from yarnml.worker.metrics.base import Metrics, Scored, Statistic

SILHOUETTE = "silhouette"


class Silhouette:
    """The mean of (b - a) / b, with a row's distance a to its centre and b to the next one.

    Distances to centres stand for mean distances to all rows of a cluster, so that it is a sum over rows: the
    simplified silhouette (Hruschka, de Castro & Campello, 2004).  Outputs are squared distances with a minus.
    """

    size = 1

    def sums(self, rows: Scored) -> Vector:
        distance = np.sqrt(np.maximum(-rows.outputs, 0.0))
        nearest, next_one = np.partition(distance, 1, axis=1)[:, :2].T
        share = np.divide(next_one - nearest, next_one, out=np.zeros_like(nearest), where=next_one > 0)
        return np.array([(rows.weight * share).sum()])

    def metrics(self, total: Vector, weight: float) -> Metrics:
        return {SILHOUETTE: float(total[0]) / weight}


def silhouette(schema: Schema, names: Sequence[str]) -> Statistic | None:
    return Silhouette() if SILHOUETTE in names and schema.outputs > 1 else None


def information(names: Sequence[str], loss: float, weight: float, parameters: int) -> Metrics:
    """The criteria of Schwarz (``bic``) and Akaike (``aic``) of a density: less is better.

    ``loss``: the mean of -log of the density over rows of this ``weight``; ``parameters``: free ones.
    """
    deviance = 2 * loss * weight
    values = {"bic": deviance + parameters * math.log(weight), "aic": deviance + 2 * parameters}
    return {name: value for name, value in values.items() if name in names}
