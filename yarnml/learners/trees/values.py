"""The passes before the first tree: where the values of the features lie, and where the trees begin."""

from typing import Any

import numpy as np

from yarnml.data.arrays import Array
from yarnml.learners.trees import categories, quantiles, sketch
from yarnml.learners.trees.objectives import Objective, loss_of
from yarnml.learners.trees.rule import Rule
from yarnml.learners.trees.shard import Data
from yarnml.learners.trees.state import State, Sums


class ValuePasses:
    """Sums of these passes, and what follows from them.  ``categorical`` [features]: true for those that are."""

    def __init__(self, objective: Objective, rule: Rule, categorical: Array) -> None:
        self._objective = objective
        self._bins = rule.bins
        self._categorical = categorical

    def map(self, state: Any, data: Data, sums: Sums) -> Sums:
        """Add to the sums of a pass what it is for."""
        scores = np.repeat(state.model.base[:, None], len(data.y), axis=1)
        known = scores + data.first_total(len(scores))
        label = data.y if data.offset is None else data.y - data.offset
        sums = sums._replace(loss=loss_of(self._objective, known, data.y, data.weight))
        if state.passes >= sketch.PASSES:
            return sums
        if sums.digits.size:
            in_first = np.zeros(scores.shape, np.int32)
            labels = np.broadcast_to(label, scores.shape)
            sums = sums._replace(digits=quantiles.counts(state.selection, labels, in_first, data.weight))
        if sums.distance.size:
            distance = np.abs(label - scores) * data.weight
            sums = sums._replace(distance=distance.sum(axis=1, dtype=np.float64))
        if state.passes == 0:
            targets = self._objective.targets(data.y, data.offset)
            return sums._replace(
                targets=(targets * data.weight).sum(axis=1, dtype=np.float64),
                sketch=sketch.tables(data.values, self._bins),
                categories=categories.counts(data.values[self._categorical], targets[: len(scores)], data.weight),
            )
        return sums._replace(sketch=sketch.counts(data.values, data.weight, state.cells, state.exact))

    def update(self, state: State, sums: Sums) -> State:
        """The state after such a pass."""
        following = self._distinguish(state, sums) if sums.targets.size else self._count(state, sums)
        if sums.digits.size:
            following = self._take_digit(following, sums)
        if sums.distance.size:
            following = following._replace(mean=_mean(sums.distance, sums.weight))
        return following

    def _distinguish(self, state: State, sums: Sums) -> State:
        """The first pass: a bin for each value of a feature that has few."""
        edges, exact = sketch.distinct_edges(sums.sketch, self._bins)
        mean = _mean(sums.targets, sums.weight)
        model = state.model
        if not state.start:  # where earlier trees begin, and their bins of categories, stay
            table = categories.bins_of(sums.categories, self._bins) if self._categorical.any() else None
            model = model._replace(base=np.asarray(self._objective.base(mean), np.float32), table=table)
        return state._replace(edges=edges, exact=exact | self._categorical, mean=mean, model=model)

    def _count(self, state: State, sums: Sums) -> State:
        """The other ones: finer cells for the features that have many values."""
        cells = state.cells.copy()
        edges = state.edges.copy()
        sketched = np.flatnonzero(~state.exact)
        for f, full in zip(sketched, sketch.weights_of_a_bin(sums.sketch[sketched], self._bins), strict=True):
            edges[f] = sketch.edges(cells[f], sums.sketch[f], self._bins, full)
            cells[f] = sketch.refine(cells[f], sums.sketch[f], full)
        return state._replace(cells=cells, edges=edges)

    def _take_digit(self, state: State, sums: Sums) -> State:
        """Take in a digit of the labels' quantile, and let the trees begin there where it is the last one."""
        assert state.selection is not None
        assert self._objective.shares is not None
        selection = quantiles.following(state.selection, sums.digits, self._objective.shares, 0.0)
        if selection.digits < quantiles.DIGITS:
            return state._replace(selection=selection)
        model = state.model
        if not state.start:
            model = model._replace(base=quantiles.quantiles_of(selection).reshape(len(model.base), -1)[:, 0])
        return state._replace(model=model, selection=quantiles.begin(len(selection.total)))


def _mean(total: Array, weight: Any) -> Array:
    return (total / (weight if weight > 0 else 1.0)).astype(np.float32)
