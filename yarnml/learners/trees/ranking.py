"""LambdaMART: trees that put the rows of each group into the order of their labels.

A pair of rows of one group pulls its better row up and the other down, the more the worse they stand and the more an
exchange of the two would change the group's NDCG.  (Burges, "From RankNet to LambdaRank to LambdaMART: An Overview",
Microsoft Research MSR-TR-2010-82.)  A label is a gain.
"""

from collections.abc import Iterator

import numpy as np

from yarnml.data.arrays import Array
from yarnml.learners.trees.table import Slopes, Table

TRUNCATION = 30
"""Pairs count whose better place is among so many first ones of a group."""


class LambdaRank:
    """NDCG of the order of the rows in each group; labels are numbers of 0 or more."""

    def slopes(self, table: Table, places: Array) -> Slopes:
        """The gradients of rows, times the mean size of a group, so that a leaf's second derivatives count rows, about.

        The loss of a group is 1 - NDCG; its first row has it, by its share of the whole weight.
        """
        groups = _Groups(table, places)
        first = np.zeros(len(table.score))
        second = np.zeros(len(table.score))
        for upper, lower, change in groups.pairs():
            lead = np.sign(change) * (table.score[upper] - table.score[lower])
            share = 1 / (1 + np.exp(np.minimum(lead, 80)))
            first[upper] -= share * change
            first[lower] += share * change
            curvature = share * (1 - share) * np.abs(change)
            second[upper] += curvature
            second[lower] += curvature
        weight = table.weight[places] * groups.mean_size
        return Slopes(first[places] * weight, second[places] * weight, groups.loss(places))

    def refused(self, y: Array) -> str | None:
        odd = y[~(y >= 0)]
        return f"learner.objective lambdarank needs labels of 0 or more, but one is {odd[0]:g}." if odd.size else None


class _Groups:
    """The groups that have rows in some places, with all their rows; each group's rows by falling score."""

    def __init__(self, table: Table, places: Array) -> None:
        counts = table.weight > 0
        is_member = counts & np.isin(table.group, np.unique(table.group[places]))
        members = np.flatnonzero(is_member)
        self._all = len(np.unique(table.group[counts]))
        self._weight = table.weight.sum()
        self.mean_size = counts.sum() / max(self._all, 1)
        self._rows = members[np.lexsort((members, -table.score[members], table.group[members]))]
        self._score = table.score[self._rows]
        self._label = table.label[self._rows]
        group = table.group[self._rows]
        self._starts = np.flatnonzero(np.diff(group, prepend=-1))
        sizes = np.diff(self._starts, append=len(group))
        self._number = np.repeat(np.arange(len(sizes)), sizes)
        self._size = sizes[self._number]
        self._rank = np.arange(len(group)) - self._starts[self._number]
        self._discount = 1 / np.log2(self._rank + 2)
        ideal = self._sum(self._label[np.lexsort((-self._label, group))])
        self._ideal = np.where(ideal > 0, ideal, np.inf)

    def pairs(self) -> Iterator[tuple[Array, Array, Array]]:
        """Pairs of rows, each once: the places of upper and lower ones, and what NDCG would lose by an exchange.

        No row is twice among the upper ones that come together, or among the lower ones.
        """
        for distance in range(1, int(self._size.max(initial=0))):
            upper = np.flatnonzero((self._rank + distance < self._size) & (self._rank < TRUNCATION))
            lower = upper + distance
            gain = self._label[upper] - self._label[lower]
            change = gain * (self._discount[upper] - self._discount[lower]) / self._ideal[self._number[upper]]
            yield self._rows[upper], self._rows[lower], change

    def loss(self, places: Array) -> float:
        """The mean of 1 - NDCG over all groups, times the whole weight: the part of groups whose first row is here.

        Rows of one score share their places.
        """
        run = np.cumsum(np.diff(self._score, prepend=np.inf) != 0 | (self._rank == 0)) - 1
        shared = (np.bincount(run, self._label) / np.bincount(run))[run] if len(run) else self._label
        lost = 1 - self._sum(shared) / self._ideal
        firsts = np.minimum.reduceat(self._rows, self._starts) if len(self._starts) else self._starts
        own = np.isin(firsts, places) & np.isfinite(self._ideal)
        return float(lost[own].sum() * self._weight / max(self._all, 1))

    def _sum(self, gains: Array) -> Array:
        """The discounted gains of every group."""
        return np.bincount(self._number, gains * self._discount, len(self._starts))
