"""Progress of a shard's rows while trees grow.

It is a function of the shard's rows and of the trees in the state, replayed as far as need be.  So a worker that has
kept a shard for long and one that has just read it have the same numbers, to the bit.
"""

from typing import Any, Final, NamedTuple

import numpy as np

from yarnml.data.arrays import Array
from yarnml.learners.trees import growth, quantiles, shard
from yarnml.learners.trees.among import AmongRows
from yarnml.learners.trees.kernels import kernels
from yarnml.learners.trees.objectives import Objective, by_row, loss_of
from yarnml.learners.trees.rule import Rule
from yarnml.learners.trees.shard import Data
from yarnml.learners.trees.table import table_of

_ALL_LEVELS = 1 << 30
_WRITABLE: Final = ("C", "W")
"""What compiled loops ask of an array; those of a state that JAX holds are read-only."""
_NO_SETS = np.zeros((0, 0), np.uint32)


class Progress(NamedTuple):
    """The rows of a shard on their way down the trees of a round.

    ``round`` []: the rounds that are over.  ``level`` []: levels that the rows are below the roots, where they go down
    one at a time.
    ``total`` [scores, rows]: the leaves of the rows in the rounds that are over, added up.
    ``stats`` [trees, rows, channels]: gradients and second derivatives at the round's beginning; of no rows where they
    hang on others whose scores are not known yet.
    ``loss`` []: the sum over the rows at the round's beginning.
    ``node`` int32 [trees, rows]: the nodes that the rows are in.
    ``nodes``: for each tree the numbers of the nodes of this level that may be split, and of their siblings, ascending;
    none where histograms are not kept.
    ``histograms``: for each tree those of these nodes, [nodes, features, bins + 1, channels].
    """

    round: Array
    level: Array
    total: Array
    stats: Array
    loss: Array
    node: Array
    nodes: tuple[Array, ...] = ()
    histograms: tuple[Array, ...] = ()


class Replay:
    """The way of rows down the trees that have been grown so far.

    ``categorical`` [features]: true for features that are.  All arrays are NumPy's, the state's too.
    """

    def __init__(self, objective: Objective, rule: Rule, categorical: Array) -> None:
        self._objective = objective
        self._rule = rule
        self._categorical = categorical
        self._trees = objective.trees * rule.group

    def to_newest(self, state: Any, data: Data, progress: Progress | None) -> Progress:
        """Bring the rows to the newest nodes of the trees that are being grown.

        ``progress``: where the rows were in an earlier pass; None: they begin in the first round.
        """
        progress = self.at_round(state, data, progress)
        if progress.round == self._rule.rounds:
            return progress
        is_grown = not growth.waiting(state.growth, 1).any()
        return self._to_leaves(state, data, progress) if is_grown else self._descend(state, data, progress, _ALL_LEVELS)

    def to_level(self, level: int, state: Any, data: Data, progress: Progress | None) -> Progress:
        """Bring the rows to a level of the trees that are being grown, with the histograms of its nodes."""
        # A node's histogram is its parent's less its sibling's, where that has fewer rows.  A sum of floats has other
        # bits than such a difference, so every level of the round is counted on the way down, though its sums were
        # sent long ago: a worker that has just read the shard must subtract where all others did.
        progress = self.at_round(state, data, progress)
        if progress.round == self._rule.rounds:
            return progress
        if not progress.histograms:
            root = np.zeros(1, np.int32)
            progress = self._count(data, progress, (root,) * self._trees, (None,) * self._trees)
        while progress.level < level:
            progress = self._below(state, data, progress)
        return progress

    def digits(self, state: Any, data: Data, progress: Progress) -> Array:
        """The next digits of the errors of the rows in the leaves that they are in: see `quantiles.counts`."""
        error = data.y - self.scores(state, progress)
        return quantiles.counts(state.selection, error, progress.node, progress.stats[0, :, -1])

    def out_of_bag(self, state: Any, data: Data) -> tuple[Array, Array]:
        """The scores of the rows by the trees that were grown without them [scores, rows], and how many those are."""
        rule = self._rule
        total = np.zeros((len(state.model.base), len(data.y)), np.float64)
        count = np.zeros(len(data.y))
        for number in range(rule.trees):
            round, tree = divmod(number, rule.group)
            left_out = self._draws(state, data, number) == 0
            node = np.zeros(len(data.y), np.int32)
            self._route(state, data, round, tree, _ALL_LEVELS, node)
            total += left_out * state.model.leaf[round, tree, node].T
            count += left_out
        return state.model.base[:, None] + (total / np.maximum(count, 1)).astype(np.float32), count

    def at_round(self, state: Any, data: Data, progress: Progress | None) -> Progress:
        """Bring the rows into the round of the state."""
        progress = progress or self._begin_round(state, data, None)
        while progress.round < state.model.rounds:
            progress = self._begin_round(state, data, self._to_leaves(state, data, progress))
        return self._among_all(state, data, progress) if state.is_gathered else progress

    def scores(self, state: Any, progress: Progress) -> Array:
        """The scores of the rows at the round's beginning, [scores, rows]."""
        return state.model.base[:, None] + progress.total

    def _among_all(self, state: Any, data: Data, progress: Progress) -> Progress:
        """Add the gradients and the loss of the round that hang on other rows, once all scores are known."""
        if progress.stats.size or data.place is None:
            return progress
        assert isinstance(self._objective, AmongRows)
        slopes = self._objective.slopes(table_of(state.table), data.place)
        drawn = self._draws(state, data, int(progress.round))
        stats = by_row(slopes.first * drawn, slopes.second * drawn)[None]
        return progress._replace(stats=stats, loss=np.asarray(slopes.loss))

    def _begin_round(self, state: Any, data: Data, last: Progress | None) -> Progress:
        """Put all rows into the roots, at the scores after the rounds that are over.

        ``last``: the rows in the leaves of the round before; None in the first round.
        """
        rule = self._rule
        rows = len(data.y)
        number = int(state.start)
        total = data.first_total(len(state.model.base))
        if last is not None:
            leaves = state.model.leaf[int(last.round)]
            predictions = [leaves[t][last.node[t]].T for t in range(self._trees)]
            total = last.total + np.concatenate(predictions).reshape(rule.group, *total.shape).sum(axis=0)
            number = int(last.round) + 1
        root = np.zeros((self._trees, rows), np.int32)
        if state.table is not None:
            none = np.zeros((self._trees, 0, self._objective.outputs + 1), np.float32)
            return Progress(np.array(number), np.array(0), total, none, np.zeros(()), root)
        base = np.broadcast_to(state.model.base[:, None], total.shape)
        grown = min(max(number * rule.group, 1), rule.trees)
        scores = base + (total / np.float32(grown) if rule.average else total)
        weights = [data.weight * self._draws(state, data, number * rule.group + g) for g in range(rule.group)]
        stats = [self._objective.stats(base if rule.average else scores, data.y, w, state.mean) for w in weights]
        loss = loss_of(self._objective, scores, data.y, data.weight)
        return Progress(np.array(number), np.array(0), total, np.concatenate(stats), loss, root)

    def _draws(self, state: Any, data: Data, number: int) -> Array:
        """The times that each row counts in tree ``number``, float32 [rows]; the same on every worker."""
        rule = self._rule
        rows = len(data.y)
        if rule.sampling_rate == 1 and not rule.with_replacement:
            return np.ones(rows, np.float32)
        random = np.random.default_rng([int(state.seed), int(data.name), number])
        if rule.with_replacement:
            return random.poisson(rule.sampling_rate, rows).astype(np.float32)
        return (random.random(rows) < rule.sampling_rate).astype(np.float32)

    def _below(self, state: Any, data: Data, progress: Progress) -> Progress:
        """Send all rows one level down, and count there."""
        number = int(progress.round)
        numbers = []
        above = []
        for t, nodes in enumerate(progress.nodes):
            child = state.model.child[number, t, nodes]
            counted = np.flatnonzero(growth.either_waits(state.growth, t, child))
            numbers.append((child[counted, None] + np.arange(2, dtype=np.int32)).reshape(-1))
            above.append([progress.histograms[t][place] for place in counted])
        below = self._descend(state, data, progress, 1)._replace(level=progress.level + 1)
        return self._count(data, below, tuple(numbers), tuple(above))

    def _count(
        self, data: Data, progress: Progress, nodes: tuple[Array, ...], above: tuple[list[Array] | None, ...]
    ) -> Progress:
        """Add the histograms of the level; see `shard.histograms`."""
        shape = len(self._categorical), self._rule.bins + 1
        counted = [
            shard.histograms(data.bins, progress.node[t], progress.stats[t], nodes[t], above[t], shape)
            for t in range(self._trees)
        ]
        return progress._replace(nodes=nodes, histograms=tuple(counted))

    def _to_leaves(self, state: Any, data: Data, progress: Progress) -> Progress:
        """Send every row to its leaf of the trees that are grown."""
        if self._rule.leaves:  # some nodes that the rows went through are leaves after all
            progress = progress._replace(node=np.zeros_like(progress.node))
        return self._descend(state, data, progress, _ALL_LEVELS)

    def _descend(self, state: Any, data: Data, progress: Progress, levels: int) -> Progress:
        """Send every row to its node so many levels below, or to the leaf before."""
        number = int(progress.round)
        node = progress.node.copy()
        for tree, own in enumerate(node):
            self._route(state, data, number, tree, levels, own)
        return progress._replace(node=node)

    def _route(self, state: Any, data: Data, round: int, tree: int, levels: int, node: Array) -> None:
        """Send rows from their nodes [rows] of a tree so many levels down, in place."""
        model = state.model
        arrays = model.feature, state.bin, model.left, model.child
        split = [np.require(a[round, tree], requirements=_WRITABLE) for a in arrays]
        sets = (
            _NO_SETS if model.categories is None else np.require(model.categories[round, tree], requirements=_WRITABLE)
        )
        kernels().route(data.bins, *split, sets, self._categorical, self._rule.bins, levels, node)
