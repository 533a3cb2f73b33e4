"""Progress of a shard's rows while trees grow.

It is a function of the shard's rows and of the trees in the state, replayed as far as need be.  So a worker that has
kept a shard for long and one that has just read it have the same numbers, to the bit.
"""

from typing import Any, NamedTuple

import numpy as np

from yarnml.data.arrays import Array
from yarnml.learners.trees import shard
from yarnml.learners.trees.kernels import kernels
from yarnml.learners.trees.objectives import Objective
from yarnml.learners.trees.rule import Rule
from yarnml.learners.trees.shard import Data

_NOTHING = np.zeros(0)


class Progress(NamedTuple):
    """The rows of a shard at one level of the trees.

    ``level`` []: counted over all rounds.
    ``total`` [scores, rows]: the leaves of the rows in the rounds that are over, added up.
    ``stats`` [trees, rows, channels]: gradients and second derivatives at the round's beginning.
    ``loss`` []: the sum over the rows at the round's beginning.
    ``node`` int16 [trees, rows]: the node of this level that a row is in.
    ``above``, ``histograms`` [trees, nodes, features, bins + 1, channels]: of the level above and of this level;
    empty until they are asked for.
    """

    level: Array
    total: Array
    stats: Array
    loss: Array
    node: Array
    above: Array
    histograms: Array


class Replay:
    """The way of rows down the trees that have been grown so far.

    ``categorical`` [features]: true for features that are.  All arrays are NumPy's, the state's too.
    """

    def __init__(self, objective: Objective, rule: Rule, categorical: Array) -> None:
        self._objective = objective
        self._rule = rule
        self._categorical = categorical

    def advance(self, level: int, state: Any, data: Data, progress: Progress | None) -> Progress:
        """Bring the rows to ``level``, with the histograms of its nodes.

        ``progress``: where the rows were in an earlier pass; None: they begin in the first round.
        """
        # A node's histogram may be its parent's less its sibling's (`shard.histograms`).  A sum of floats has other
        # bits than such a difference, so every level of the round is counted on the way down, though its sums were
        # sent long ago: a worker that has just read the shard must subtract where all others did.  In rounds that are
        # over no histogram is wanted any more: there, rows only find their leaves.
        depth = self._rule.depth
        progress = progress or self._begin_round(state, data, None)
        while progress.level < level:
            if level // depth == progress.level // depth:
                progress = self._count(data, progress)
            progress = self._descend(state, data, progress)
            if progress.level % depth == 0:
                progress = self._begin_round(state, data, progress)
        return self._count(data, progress) if level < self._rule.levels else progress

    def loss(self, scores: Array, data: Data) -> Array:
        """The sum over the rows; scores [scores, rows]."""
        return np.asarray((self._objective.loss(scores, data.y, np) * data.weight).sum(dtype=np.float64))

    def _begin_round(self, state: Any, data: Data, last: Progress | None) -> Progress:
        """Put all rows into the root, at the scores after the rounds that are over.

        ``last``: the rows in the leaves of the round before; None in the first round.
        """
        rule = self._rule
        trees = self._objective.trees
        rows = len(data.y)
        number = 0
        total = np.zeros((len(state.model.base), rows), np.float32)
        if last is not None:
            number = int(last.level) // rule.depth
            leaves = state.model.leaf[number - 1]
            total = last.total + np.concatenate([leaves[t][last.node[t]].T for t in range(trees)])
        base = np.broadcast_to(state.model.base[:, None], total.shape)
        scores = base + (total / np.float32(max(number, 1)) if rule.average else total)
        weight = data.weight * self._draws(state, data, number)
        stats = self._objective.stats(base if rule.average else scores, data.y, weight)
        root = np.zeros((trees, rows), np.int16)
        level = np.array(number * rule.depth)
        return Progress(level, total, stats, self.loss(scores, data), root, _NOTHING, _NOTHING)

    def _draws(self, state: Any, data: Data, number: int) -> Array:
        """The times that each row counts in round ``number``, float32 [rows]; the same on every worker."""
        rule = self._rule
        rows = len(data.y)
        if rule.sampling_rate == 1 and not rule.with_replacement:
            return np.ones(rows, np.float32)
        random = np.random.default_rng([int(state.seed), int(data.name), number])
        if rule.with_replacement:
            return random.poisson(rule.sampling_rate, rows).astype(np.float32)
        return (random.random(rows) < rule.sampling_rate).astype(np.float32)

    def _count(self, data: Data, progress: Progress) -> Progress:
        """Add the histograms of the level, unless they are there."""
        if progress.histograms.size:
            return progress
        shape = 1 << int(progress.level) % self._rule.depth, len(self._categorical), self._rule.bins + 1
        above = progress.above if progress.above.size else [_NOTHING] * self._objective.trees
        trees = zip(progress.node, progress.stats, above, strict=True)
        histograms = [shard.histograms(data.bins, node, stats, parents, shape) for node, stats, parents in trees]
        return progress._replace(histograms=np.stack(histograms))

    def _descend(self, state: Any, data: Data, progress: Progress) -> Progress:
        """Send every row to one of the two nodes below its own."""
        number, level = divmod(int(progress.level), self._rule.depth)
        node = np.empty_like(progress.node)
        nodes = np.s_[(1 << level) - 1 : (2 << level) - 1]
        for t, (before, after) in enumerate(zip(progress.node, node, strict=True)):
            split = (a[number, t, nodes].copy() for a in (state.model.feature, state.bin, state.model.left))
            kernels().route(data.bins, before, *split, self._categorical, self._rule.bins, after)
        return progress._replace(level=progress.level + 1, node=node, above=progress.histograms, histograms=_NOTHING)
