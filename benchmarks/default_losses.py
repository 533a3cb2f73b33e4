"""Losses on held-out rows by which programs are compared, whatever each of them calls its own loss.

Those of `LOSSES` get a table and the outputs of a program for its rows: numbers, probabilities of the classes 0, 1, …,
of several labels of two classes the probabilities of the second, or scores.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class Table(NamedTuple):
    """Features [rows, width], and a label [rows] or several [rows, labels].

    ``loss``: a name of `LOSSES`.
    ``overlap``: of windows of a series, which are held out by time, the rows that share a label with the one before.
    ``group`` [rows]: whole numbers for the groups that rows are put in order within; None for none.
    """

    x: Array
    y: Array
    loss: str
    overlap: int = 0
    group: Array | None = None

    def at(self, rows: Array) -> "Table":
        """Some of the rows."""
        group = None if self.group is None else self.group[rows]
        return self._replace(x=self.x[rows], y=self.y[rows], group=group)

    @property
    def is_number(self) -> bool:
        """True where the label is to be taken for a number, whatever it looks like."""
        return self.loss not in ("log", "logs", "hinge")


def log_loss(table: Table, outputs: Array) -> float:
    y = table.y.astype(int)
    return float(-np.log(np.maximum(outputs[np.arange(len(y)), y], 1e-15)).mean())


def log_losses(table: Table, outputs: Array) -> float:
    """The sum over the labels."""
    right = np.where(table.y == 1, outputs, 1 - outputs)
    return float(-np.log(np.maximum(right, 1e-15)).sum(axis=1).mean())


def squared(table: Table, outputs: Array) -> float:
    """Half the squared error, of several labels the sum of each over the variance of its label."""
    error = np.square(outputs - table.y)
    return float((error / table.y.var(axis=0)).sum(axis=1).mean() / 2 if table.y.ndim > 1 else error.mean() / 2)


def absolute(table: Table, outputs: Array) -> float:
    """Half the absolute error: what the median loses as a quantile."""
    return float(np.abs(outputs - table.y).mean() / 2)


def poisson(table: Table, outputs: Array) -> float:
    y = table.y
    mean = np.maximum(outputs, 1e-9)
    return float((mean - y + y * np.log(np.where(y > 0, y, 1) / np.where(y > 0, mean, 1))).mean())


def gamma(table: Table, outputs: Array) -> float:
    ratio = table.y / np.maximum(outputs, 1e-9)
    return float((ratio - 1 - np.log(ratio)).mean())


def negative_binomial(table: Table, outputs: Array) -> float:
    """Half the deviance for ``alpha`` 1."""
    y = table.y
    mean = np.maximum(outputs, 1e-9)
    first = np.where(y > 0, y * np.log(np.where(y > 0, y, 1) / mean), 0.0)
    return float((first - (y + 1) * np.log((1 + y) / (1 + mean))).mean())


def hinge(table: Table, outputs: Array) -> float:
    """The squared hinge loss of margins."""
    return float(np.square(np.maximum(0, 1 - np.where(table.y == 1, outputs, -outputs))).mean())


def discordance(table: Table, outputs: Array) -> float:
    """The share of pairs of times that risks put into the wrong order; a label below 0 is only known to be longer."""
    from yarnml.worker.metrics.times import concordance

    share = concordance(np.ones(len(table.y)), -outputs, table.y)
    assert share is not None
    return 1 - share


def discordance_of_times(table: Table, outputs: Array) -> float:
    """The share of pairs that predicted times put into the wrong order."""
    return discordance(table, -outputs)


def lost_gain(table: Table, outputs: Array) -> float:
    """The part that the mean NDCG of the groups lacks of 1."""
    from sklearn.metrics import ndcg_score

    assert table.group is not None
    groups = [np.flatnonzero(table.group == group) for group in np.unique(table.group)]
    return 1 - float(np.mean([ndcg_score(table.y[None, rows], outputs[None, rows]) for rows in groups]))


def disorder(table: Table, outputs: Array) -> float:
    """The share of pairs of an anomaly and another row in which the other one has the higher score."""
    from sklearn.metrics import roc_auc_score

    return 1 - float(roc_auc_score(table.y, outputs))


LOSSES: dict[str, Callable[[Table, Array], float]] = {
    "log": log_loss,
    "logs": log_losses,
    "squared": squared,
    "absolute": absolute,
    "poisson": poisson,
    "gamma": gamma,
    "negative_binomial": negative_binomial,
    "hinge": hinge,
    "discordance": discordance,
    "discordance of times": discordance_of_times,
    "lost gain": lost_gain,
    "disorder": disorder,
}
