"""How far the rows of a shard have come while trees grow.

A function of the shard's rows and of the trees in the state, replayed as far as need be: a worker that has held a shard
for long and one that has just read it have the same numbers, to the bit.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from yarnml.learners.trees import shard
from yarnml.learners.trees.kernels import kernels
from yarnml.learners.trees.objectives import Objective
from yarnml.learners.trees.rule import Rule
from yarnml.learners.trees.shard import Data

Array = npt.NDArray[Any]

_NONE = np.zeros(0)


class Progress(NamedTuple):
    """``level`` []: counted over all rounds; node int16 [trees, rows]: where the rows are at it.

    total [scores, rows]: of the leaves of the rounds that are over.  stats [trees, rows, channels] and the sum ``loss``
    []: at the round's beginning.  above, here [trees, nodes, features, bins + 1, channels]: histograms of the level
    above and of this one, empty before they are asked for.
    """

    level: Array
    total: Array
    stats: Array
    loss: Array
    node: Array
    above: Array
    here: Array


class Replay:
    """Brings rows to where the trees are.  ``categorical`` [features].  All arrays are NumPy's, the state's too."""

    def __init__(self, objective: Objective, rule: Rule, categorical: Array) -> None:
        self._objective, self._rule, self._categorical = objective, rule, categorical

    def to(self, level: int, state: Any, data: Data, progress: Progress | None) -> Progress:
        """Where the rows are at ``level``, with the histograms there, from where they were before, if anywhere."""
        depth = self._rule.depth
        progress = progress or self._begun(state, data, None)
        while progress.level < level:
            if level // depth == progress.level // depth:
                progress = self._counted(data, progress)
            progress = self._down(state, data, progress)
            if progress.level % depth == 0:
                progress = self._begun(state, data, progress)
        return self._counted(data, progress) if level < self._rule.levels else progress

    def loss(self, scores: Array, data: Data) -> Array:
        """The sum over the rows; scores [scores, rows]."""
        return np.asarray((self._objective.loss(scores, data.y, np) * data.weight).sum(dtype=np.float64))

    def _begun(self, state: Any, data: Data, over: Progress | None) -> Progress:
        """A round begins: all rows are in the root, with what the leaves of the round that is ``over`` add."""
        rule, trees, rows = self._rule, self._objective.trees, len(data.y)
        number, total = 0, np.zeros((len(state.model.base), rows), np.float32)
        if over is not None:
            number = int(over.level) // rule.depth
            leaves = state.model.leaf[number - 1]
            total = over.total + np.concatenate([leaves[t][over.node[t]].T for t in range(trees)])
        base = np.broadcast_to(state.model.base[:, None], total.shape)
        scores = base + (total / np.float32(max(number, 1)) if rule.average else total)
        weight = data.weight * self._drawn(state, data, number)
        stats = self._objective.stats(base if rule.average else scores, data.y, weight)
        root = np.zeros((trees, rows), np.int16)
        return Progress(np.array(number * rule.depth), total, stats, self.loss(scores, data), root, _NONE, _NONE)

    def _drawn(self, state: Any, data: Data, number: int) -> Array:
        """How often each row counts in a round."""
        rule, rows = self._rule, len(data.y)
        if rule.drawn == 1 and not rule.again:
            return np.ones(rows, np.float32)
        random = np.random.default_rng([int(state.seed), int(data.name), number])
        often = random.poisson(rule.drawn, rows) if rule.again else random.random(rows) < rule.drawn
        return often.astype(np.float32)

    def _counted(self, data: Data, progress: Progress) -> Progress:
        if progress.here.size:
            return progress
        shape = 1 << int(progress.level) % self._rule.depth, len(self._categorical), self._rule.bins + 1
        above = progress.above if progress.above.size else [_NONE] * self._objective.trees
        trees = zip(progress.node, progress.stats, above, strict=True)
        here = [shard.histograms(data.bins, node, stats, over, shape) for node, stats, over in trees]
        return progress._replace(here=np.stack(here))

    def _down(self, state: Any, data: Data, progress: Progress) -> Progress:
        """Every row goes to one of the two nodes below its own."""
        number, level = divmod(int(progress.level), self._rule.depth)
        node, nodes = np.empty_like(progress.node), np.s_[(1 << level) - 1 : (2 << level) - 1]
        for t, (before, after) in enumerate(zip(progress.node, node, strict=True)):
            split = (a[number, t, nodes].copy() for a in (state.model.feature, state.bin, state.model.left))
            kernels().route(data.bins, before, *split, self._categorical, self._rule.bins, after)
        return progress._replace(level=progress.level + 1, node=node, above=progress.here, here=_NONE)
