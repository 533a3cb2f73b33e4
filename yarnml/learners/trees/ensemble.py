"""Rounds of trees as a learner of whole shards: passes that find the bins, then passes that find splits.

The first epochs, as many as it takes, are for the bins; passes that they have beyond that change nothing.  Then come
the rounds of trees.  When all are over, further passes change nothing.
"""

from collections.abc import Callable, Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from yarnml.data.arrays import Array
from yarnml.errors import DataError
from yarnml.job.learners import LEAF_PASSES
from yarnml.learners.base import Batch, Judged, Key, Scores, flat
from yarnml.learners.trees import best_first, growth, leaves, quantiles, sketch, table, warm_start
from yarnml.learners.trees.among import AmongRows
from yarnml.learners.trees.categories import check_values
from yarnml.learners.trees.draws import Draws
from yarnml.learners.trees.forms import Forms
from yarnml.learners.trees.kernels import kernels
from yarnml.learners.trees.model import remarks_of, scores_of, write
from yarnml.learners.trees.objectives import Objective
from yarnml.learners.trees.progress import Progress, Replay
from yarnml.learners.trees.rule import Columns, Rule, Size
from yarnml.learners.trees.shard import Binning, Data, in_order, read_shard
from yarnml.learners.trees.splits import Level, best_splits
from yarnml.learners.trees.state import Shard, State, Sums, first_state, state_without_room
from yarnml.learners.trees.values import ValuePasses
from yarnml.learners.warm_start import Earlier, Started

MOST_KEPT_LEVELS = 8
"""Trees of more levels are counted anew at each: histograms of a level above would take too much memory."""


class Ensemble:
    """Trees for an objective.

    ``size``: bounds on the nodes of a tree.
    ``first_pass``: the number of the pass that grows the first level; the passes before are for the bins.
    ``rows``: the most rows of the data, of which an objective among them has a table.
    """

    newer_arrays = ("start",)
    updates_on_host = True

    def __init__(
        self, objective: Objective, rule: Rule, columns: Columns, size: Size, first_pass: int, rows: int = 0
    ) -> None:
        self.needs_places = isinstance(objective, AmongRows)
        self._places = rows if self.needs_places else 0
        self._objective = objective
        self._rule = rule
        self._size = size
        self._first_pass = first_pass
        self._bounds = first_pass, rule.rounds
        self._columns = columns
        self._features = len(columns.categorical)
        self._categorical = columns.categorical
        self._trees = objective.trees * rule.group
        self._draws = Draws(rule, self._trees, self._features)
        self._replay = Replay(objective, rule, self._categorical)
        self._values = ValuePasses(objective, rule, self._categorical)
        self._forms = Forms(objective, rule, columns, size, first_pass, self._places)
        self._keeps_histograms = bool(rule.passes and rule.passes <= MOST_KEPT_LEVELS and not rule.features_per_node)

    def init(self, key: Key) -> State:
        return first_state(self._objective, self._rule, self._columns, self._size, self._places, key)

    def started(self, state: State, earlier: Earlier) -> Started:
        return warm_start.started(state, self._rule, earlier)

    def without_room(self, state: State) -> State:
        return state_without_room(state)

    def prepare_shard(self, state: Any, batches: Iterable[Batch]) -> Shard:
        known = self._binning(state) if state.passes >= sketch.PASSES else None
        start_of = warm_start.start_of(state, self._categorical, self._rule.bins)
        return Shard(read_shard(batches, self._features, known, start_of), None)

    def _binning(self, state: Any) -> Binning:
        return Binning(state.edges, state.model.table, self._categorical)

    def form_of_sums(self, state: Any) -> Sums:
        return self._forms.of_pass(state)

    def map_shard(self, state: Any, shard: Shard) -> tuple[Sums, Shard]:
        data = shard.data
        passes = int(state.passes)
        sums = self._forms.empty(state)
        sums.weight[...] = data.weight.sum(dtype=np.float64)
        if passes < self._first_pass:
            if sums.table.size:
                sums = sums._replace(table=table.constants(data, self._places))
            return self._values.map(state, data, sums), shard
        data = data.binned(self._binning(state))
        if leaves.waited_for(state, *self._bounds):
            progress = self._replay.to_newest(state, data, shard.progress)
            digits = self._replay.digits(state, data, progress)
            return sums._replace(loss=progress.loss, digits=digits), Shard(data, progress)
        if table.gathers(state, *self._bounds):
            progress = self._replay.at_round(state, data, shard.progress)
            score = self._replay.scores(state, progress)[0]
            none = np.zeros(())  # the loss of the round is known when all scores are
            return sums._replace(weight=none, table=table.scores(data, score, self._places)), Shard(data, progress)
        finds_splits = len(sums.histograms) > 0
        if finds_splits and self._rule.passes and self._keeps_histograms:
            level = (passes - self._first_pass) % self._rule.passes - self.needs_places
            progress = self._replay.to_level(level, state, data, shard.progress)
            self._copy_kept(state, progress, sums.histograms)
        else:
            progress = self._replay.to_newest(state, data, shard.progress)
            if finds_splits:
                self._count(state, data, progress, sums.histograms)
        sums.loss[...] = progress.loss
        return sums, Shard(data, progress)

    def _copy_kept(self, state: Any, progress: Progress, out: Array) -> None:
        """Copy the histograms of the nodes of this pass, of those that are kept, into ``out``, as of `Level.sums`."""
        begin = 0
        for tree, count in enumerate(growth.waiting(state.growth, self._size.width)):
            nodes = growth.numbers_of_pass(state.growth, tree, count)
            places = np.searchsorted(progress.nodes[tree], nodes)
            np.take(progress.histograms[tree], places, axis=0, out=out[begin : begin + count], mode="clip")
            begin += count

    def _count(self, state: Any, data: Data, progress: Progress, out: Array) -> None:
        """Count the histograms of the nodes of this pass anew, into ``out``, as of `Level.sums`."""
        out[:] = 0
        nodes = growth.nodes_of_pass(state.growth, self._size.width)
        used = self._draws.features(state, nodes.tree, nodes.number)
        ends = np.cumsum(growth.waiting(state.growth, self._size.width))
        for tree, (begin, end) in enumerate(zip([0, *ends[:-1]], ends, strict=True)):
            if begin == end:
                continue
            all_features = np.tile(np.arange(self._features, dtype=np.int32), (end - begin, 1))
            features = all_features if used is None else used[begin:end]
            order, first, last = in_order(progress.node[tree], nodes.number[begin:end])
            kernels().few_histograms(data.bins, order, first, last, features, progress.stats[tree], out[begin:end])

    def update(self, state: State, sums: Sums) -> tuple[State, Scores]:
        following = self._phase(state, sums)(state, sums)
        done = following.model.rounds >= self._rule.rounds
        return following._replace(passes=np.int32(state.passes + 1)), Scores(sums.loss, sums.weight, done)

    def _phase(self, state: State, sums: Sums) -> Callable[[State, Sums], State]:
        """The part of the update that a pass was for, which its sums show."""
        if sums.sketch.size:
            return self._find_values
        if sums.table.size:
            return lambda state, sums: table.with_scores(state, sums.table)
        if sums.digits.size:
            return self._take_digit
        if sums.histograms.size:
            return self._split
        is_growing = state.passes >= self._first_pass and state.model.rounds < self._rule.rounds
        return lambda state, _: self._after_pass(state) if is_growing else state

    def _find_values(self, state: State, sums: Sums) -> State:
        following = self._values.update(state, sums)
        return table.with_constants(following, sums.table) if sums.table.size else following

    def _take_digit(self, state: State, sums: Sums) -> State:
        return self._after_pass(leaves.with_digit(state, sums.digits, self._objective, self._rule))

    def _split(self, state: State, sums: Sums) -> State:
        """Split the nodes of a pass."""
        rule = self._rule
        model = state.model
        nodes = growth.nodes_of_pass(state.growth, self._size.width)
        features = self._draws.features(state, nodes.tree, nodes.number)
        draws = self._draws.places(state, nodes.tree, nodes.number, features)
        allowed = growth.allowed_of(state.growth, nodes, self._columns)
        level = Level(sums.histograms, features, growth.bounds_of(state.growth, nodes), draws, allowed)
        splits = best_splits(level, self._columns, state.edges, rule.terms)
        possible = splits.feature >= 0
        chosen = best_first.chosen(model, nodes, splits, rule.leaves) if rule.leaves else None
        if chosen is not None:
            possible &= chosen[nodes.tree, nodes.number]
        children = growth.children_of(state.growth, nodes, possible)
        write(model, nodes, children, splits, state.edges, rule.learning_rate)
        alike = self._objective.alike(splits.leaf, model.base)
        grown = growth.following(state.growth, nodes, splits, children, rule, self._columns, alike)
        if chosen is not None and not growth.waiting(grown, 1).any():
            best_first.prune(model, chosen)
        state.bin[model.rounds, nodes.tree, nodes.number] = splits.bin
        return self._after_pass(state._replace(growth=grown))

    def _after_pass(self, state: State) -> State:
        """Begin the next round where a pass was the last of one."""
        rule = self._rule
        selection = state.selection
        if rule.passes is None:
            is_grown = not growth.waiting(state.growth, 1).any()
            is_over = is_grown and (selection is None or bool(selection.digits == LEAF_PASSES))
        else:
            is_over = (int(state.passes) + 1 - self._first_pass) % rule.passes == 0
        rounds = int(state.model.rounds) + is_over
        model = state.model._replace(rounds=np.int32(rounds))
        if rule.average:
            model = model._replace(share=np.float32(1 / min(max(rounds * rule.group, 1), rule.trees)))
        if not is_over:
            return state._replace(model=model)
        return state._replace(
            model=model,
            growth=growth.begin(rule, self._size, self._trees, rounds, self._columns),
            selection=None if selection is None else quantiles.begin(self._trees * self._size.nodes),
            is_gathered=None if state.is_gathered is None else np.False_,
        )

    def out_of_bag(self, state: Any, shard: Shard) -> Judged:
        data = shard.data.binned(self._binning(state))
        scores, count = self._replay.out_of_bag(state, data)
        outputs = np.asarray(self._objective.predict(jnp.asarray(scores.T)))
        loss = self._objective.loss(scores, data.y, np)
        return Judged(outputs, loss, data.y, np.where(count > 0, data.weight, 0))

    def parameters(self, state: State) -> Any:
        return state.model

    def remarks(self, state: Any, features: list[str], factor: Any) -> list[str]:
        return remarks_of(state.model, self._rule.terms.least)

    def predict(self, parameters: Any, x: jax.Array) -> jax.Array:
        return self._objective.predict(self._scores(parameters, x))

    def loss(self, parameters: Any, batch: Batch) -> jax.Array:
        return self._objective.loss(self._scores(parameters, batch.x).T, batch.y, jnp)

    def _scores(self, parameters: Any, x: jax.Array) -> jax.Array:
        rows = flat(x)
        scores = scores_of(parameters, rows[:, : self._features], self._categorical, self._rule.bins)
        return scores + rows[:, self._features :] if rows.shape[1] > self._features else scores

    def check(self, rows: Batch) -> None:
        if refused := self._objective.refused(rows.y[rows.weight > 0]):
            raise DataError(refused)
        check_values(flat(rows.x)[:, : self._features], self._categorical)
