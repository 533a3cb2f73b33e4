"""Metrics of the order in which a model puts the rows of each group, such as the documents of a query.

A group may lie in several shards.  So the sums have a place for every row of the data, in which only the shard of that
row puts anything: added up in any order, they are the rows themselves.
"""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from yarnml.data.placed import MAX_ROWS
from yarnml.errors import DataError
from yarnml.job.metrics import cutoff
from yarnml.reduce.tree import Vector
from yarnml.worker.metrics.base import Metrics

_FIELDS = 3  # of a row: the number of its group, 0 for none; its score; its relevance


class Groups:
    """The rows of a dataset by group, and the metrics with these ``names`` of their order.

    ``rows``: of the dataset.  ``gives_loss``: whether the loss is what the NDCG lacks of 1, as of learners that rank.
    """

    def __init__(self, names: Sequence[str], rows: int, gives_loss: bool = False) -> None:
        if rows > MAX_ROWS:
            raise DataError(f"evaluation.metrics: {names[0]} is for {MAX_ROWS} rows at most, and there are {rows}.")
        self._names = names
        self._gives_loss = gives_loss
        self._rows = rows
        self.size = _FIELDS * rows

    def sums(self, place: int, numbers: Vector, score: Vector, relevance: Vector) -> Vector:
        """[size]: some rows, the first of which is row ``place`` of the dataset; those of group 0 don't count."""
        table = np.zeros((_FIELDS, self._rows))
        table[:, place : place + len(numbers)] = np.where(numbers > 0, [numbers, score, relevance], 0.0)
        return table.reshape(-1)

    def metrics(self, total: Vector) -> Metrics:
        """The means over all groups with a relevant row; none where there is no such group."""
        numbers, score, label = total.reshape(_FIELDS, self._rows)
        relevance = np.maximum(label, 0)
        has_group = numbers > 0
        order = np.lexsort((-score[has_group], numbers[has_group]))
        numbers = numbers[has_group][order]
        starts = np.flatnonzero(np.diff(numbers)) + 1
        parts = zip(*(np.split(a[has_group][order], starts) for a in (score, relevance)), strict=True)
        groups = [(s, r) for s, r in parts if (r > 0).any()]
        metrics = {n: float(np.mean([_value(n, *group) for group in groups])) for n in self._names} if groups else {}
        return metrics | ({"loss": 1 - metrics["ndcg"]} if self._gives_loss and groups else {})


def _value(name: str, score: Vector, relevance: Vector) -> float:
    kind, rows = cutoff(name)
    return _KINDS[kind](score, relevance, min(rows or len(score), len(score)))


def ndcg(score: Vector, relevance: Vector, rows: int) -> float:
    """Normalised discounted cumulative gain (Järvelin & Kekäläinen, 2002) of the first rows; relevance is gain.

    Rows with one score share their places, as in scikit-learn.  ``score`` descends.
    """
    discount = np.where(np.arange(len(score)) < rows, 1 / np.log2(np.arange(len(score)) + 2), 0.0)
    ideal = np.sort(relevance)[::-1] @ discount
    return float(_shared(score, relevance) @ discount / ideal)


def average_precision(score: Vector, relevance: Vector, rows: int) -> float:
    """The mean, over the relevant rows, of the precision among the rows that score as high or higher."""
    hits = np.cumsum(relevance > 0)
    last = _last(score)
    return float(np.mean((hits[last] / (last + 1))[relevance > 0]))


def reciprocal_rank(score: Vector, relevance: Vector, rows: int) -> float:
    """One over the place of the first relevant row; of rows with one score it is behind the others."""
    first = int(np.flatnonzero(relevance > 0)[0])
    return 1 / float(_last(score)[first] + 1)


def recall(score: Vector, relevance: Vector, rows: int) -> float:
    """The share of the relevant rows that are among the first; rows with one score count in part at the border."""
    is_relevant = (relevance > 0).astype(np.float64)
    return float(_shared(score, is_relevant)[:rows].sum() / is_relevant.sum())


def _last(score: Vector) -> npt.NDArray[np.int64]:
    """[rows]: the place of the last row with the same score; ``score`` descends."""
    return np.searchsorted(-score, -score, side="right") - 1


def _shared(score: Vector, values: Vector) -> Vector:
    """[rows]: the mean of the values of all rows with the same score."""
    _, numbers, counts = np.unique(-score, return_inverse=True, return_counts=True)
    return (np.bincount(numbers, values) / counts)[numbers]


_KINDS: dict[str, Callable[[Vector, Vector, int], float]] = {
    "ndcg": ndcg,
    "map": average_precision,
    "mrr": reciprocal_rank,
    "recall_at": recall,
}
