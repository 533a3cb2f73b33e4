"""Metrics of predicted survival times, of all rows at once.

A label is a time, negative for one up to which nothing happened.  As in `yarnml.worker.metrics.groups` the sums have a
place for every row of the data.
"""

from collections.abc import Sequence

import numpy as np

from yarnml.data.placed import MAX_ROWS
from yarnml.errors import DataError
from yarnml.learners.trees.risk import risk_of
from yarnml.reduce.tree import Vector
from yarnml.worker.metrics.base import Metrics

_FIELDS = 3  # of a row: its weight, its score, its label


class Times:
    """The concordance of scores with times, and with ``is_risk`` Cox's loss; there are ``rows`` in the dataset.

    ``is_risk``: a larger score is an earlier time; else it is the time, or grows with it.
    """

    def __init__(self, rows: int, names: Sequence[str], *, is_risk: bool) -> None:
        if rows > MAX_ROWS:
            raise DataError(f"evaluation.metrics: concordance is for {MAX_ROWS} rows at most, and there are {rows}.")
        self._rows = rows
        self._names = names
        self._is_risk = is_risk
        self.size = _FIELDS * rows

    def sums(self, place: int, weight: Vector, score: Vector, label: Vector) -> Vector:
        """[size]: some rows, the first of which is row ``place`` of the dataset."""
        table = np.zeros((_FIELDS, self._rows))
        table[:, place : place + len(weight)] = [weight, score, label]
        return table.reshape(-1)

    def metrics(self, total: Vector) -> Metrics:
        """The metrics of all rows; none where no two rows can be compared."""
        table = total.reshape(_FIELDS, self._rows)
        weight, score, label = table[:, table[0] > 0]
        if not (label > 0).any():
            return {}
        metrics = {"loss": partial_likelihood(weight, score, label)} if self._is_risk else {}
        share = concordance(weight, -score if self._is_risk else score, label)
        return metrics | ({"concordance": share} if share is not None and "concordance" in self._names else {})


def partial_likelihood(weight: Vector, score: Vector, label: Vector) -> float:
    """The negative logarithm of Cox's partial likelihood, over the weight; equal times by Breslow (1974)."""
    risk = risk_of(weight, score, label)
    ended = (weight * (label > 0))[risk.order]
    return float(ended @ (np.log(risk.left) + risk.largest - score[risk.order]) / weight.sum())


def concordance(weight: Vector, time: Vector, label: Vector) -> float | None:
    """The share of pairs of rows that ``time`` puts in their order, equal ones half (Harrell et al., 1982).

    A pair is one whose earlier time ended; None where there is none.  Rows are counted by the bits of their places in
    the order of the labels: two rows are compared at the highest bit in which these differ.
    """
    is_open = label < 0
    places = np.lexsort((is_open, np.abs(label)))
    ordered = np.stack([np.abs(label), is_open])[:, places]
    number = np.empty(len(label), np.int64)
    number[places] = np.cumsum((np.diff(ordered, prepend=ordered[:, :1], axis=1) != 0).any(axis=0))
    right = 0.0
    pairs = 0.0
    for bit in range(int(number.max()).bit_length()):
        block = number >> (bit + 1)
        order = np.lexsort((time, block))
        is_later = (number[order] >> bit & 1) == 1
        earlier = weight[order] * ~(is_later | is_open[order])
        later = np.append(0.0, np.cumsum(weight[order] * is_later))
        of_block = np.searchsorted(block[order], block[order], side="right")
        begins = np.diff(np.stack([block[order], time[order]]), prepend=np.nan, axis=1).any(axis=0)
        run = np.cumsum(begins) - 1
        first = np.flatnonzero(begins)
        end = np.append(first[1:], len(order))[run]
        above = later[of_block] - later[end]
        equal = later[end] - later[first[run]]
        right += float(earlier @ (above + equal / 2))
        pairs += float(earlier @ (later[of_block] - later[np.searchsorted(block[order], block[order])]))
    return right / pairs if pairs else None
