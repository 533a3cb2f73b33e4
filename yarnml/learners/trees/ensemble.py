"""Rounds of trees as a learner of whole shards: passes that find the bins, then passes that find splits.

The first epochs, as many as it takes, are for the bins; passes that they have beyond that change nothing.  Then come
the rounds of trees.  When all are over, further passes change nothing.
"""

from collections.abc import Callable, Iterable
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from yarnml.data.arrays import Array
from yarnml.errors import DataError
from yarnml.job.learners import LEAF_PASSES
from yarnml.learners.base import Batch, Key, Scores, flat
from yarnml.learners.trees import best_first, categories, growth, leaves, quantiles, sketch, table, warm_start
from yarnml.learners.trees.among import AmongRows
from yarnml.learners.trees.categories import check_values
from yarnml.learners.trees.draws import Draws
from yarnml.learners.trees.growth import Growth
from yarnml.learners.trees.kernels import kernels
from yarnml.learners.trees.model import scores_of, written
from yarnml.learners.trees.objectives import Objective
from yarnml.learners.trees.progress import Progress, Replay
from yarnml.learners.trees.rule import Columns, Rule, Size
from yarnml.learners.trees.shard import Binning, Data, in_order, read_shard
from yarnml.learners.trees.splits import Level, splits_of_level
from yarnml.learners.trees.state import Shard, State, Sums, first_state
from yarnml.learners.trees.table import CONSTANTS
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
        self._takes_quantiles = objective.share is not None
        self._keeps_histograms = bool(rule.passes and rule.passes <= MOST_KEPT_LEVELS and not rule.features_per_node)

    def init(self, key: Key) -> State:
        return first_state(self._objective, self._rule, self._columns, self._size, self._places, key)

    def started(self, state: State, earlier: Earlier) -> Started:
        return warm_start.started(state, self._rule, earlier)

    def _first_nodes(self, number: jax.Array) -> Growth:
        return growth.begin(self._rule, self._size, self._trees, number, self._columns)

    def prepare_shard(self, state: Any, batches: Iterable[Batch]) -> Shard:
        binning = Binning(state.edges, state.model.table, self._categorical)
        known = binning if state.passes >= sketch.PASSES else None
        start_of = warm_start.start_of(state, self._categorical, self._rule.bins)
        return Shard(read_shard(batches, self._features, known, start_of), None)

    def form_of_sums(self, state: Any) -> Sums:
        """Shapes and types of the sums of the pass at a state."""
        passes = int(state.passes)
        outputs = self._objective.outputs
        scores = len(state.model.base)
        coded = int(self._categorical.sum()) if passes == 0 else 0
        codes = _float32(coded, categories.MAX_CATEGORIES, 1 + scores)
        cells = sketch.cell_count(self._rule.bins) if passes < sketch.PASSES else 0
        width = 0
        fields = CONSTANTS if passes == 0 else int(table.gathers(state, *self._bounds))
        if leaves.waited_for(state, *self._bounds):
            nodes = self._size.nodes
        else:
            nodes = self._size.nodes if self._takes_quantiles and passes < quantiles.DIGITS else 0
            if (
                passes >= self._first_pass
                and int(state.model.rounds) < self._rule.rounds
                and not table.gathers(state, *self._bounds)
            ):
                width = self._size.width_of_pass(growth.waiting(state.growth))
        features = self._rule.features_per_node or self._features
        histograms = _float32(self._trees, outputs + 1, width, features, self._rule.bins + 1)
        targets = _float32(self._objective.targets_count if passes == 0 else 0)
        digits = _float32(2, nodes, quantiles.VALUES)
        distance = _float32(int(self._takes_quantiles and passes == quantiles.DIGITS))
        rows = _float32(fields if self._places else 0, self._places)
        return Sums(
            _float32(), _float32(), targets, _float32(self._features, cells), codes, digits, distance, rows, histograms
        )

    def map_shard(self, state: Any, shard: Shard) -> tuple[Sums, Shard]:
        data = shard.data
        passes = int(state.passes)
        sums = jax.tree.map(lambda form: np.zeros(form.shape), self.form_of_sums(state))
        sums = sums._replace(weight=np.asarray(data.weight.sum(dtype=np.float64)))
        if passes < self._first_pass:
            if sums.table.size:
                sums = sums._replace(table=table.constants(data, self._places))
            return self._values.map(state, data, sums), shard
        data = data.binned(Binning(state.edges, state.model.table, self._categorical))
        if leaves.waited_for(state, *self._bounds):
            progress = self._replay.to_newest(state, data, shard.progress)
            digits = self._replay.digits(state, data, progress)
            return sums._replace(loss=progress.loss, digits=digits), Shard(data, progress)
        if table.gathers(state, *self._bounds):
            progress = self._replay.at_round(state, data, shard.progress)
            score = self._replay.scores(state, progress)[0]
            none = np.zeros(())  # the loss of the round is known when all scores are
            return sums._replace(weight=none, table=table.scores(data, score, self._places)), Shard(data, progress)
        if self._rule.passes and self._keeps_histograms and growth.waiting(state.growth):
            level = (passes - self._first_pass) % self._rule.passes - self.needs_places
            progress = self._replay.to_level(level, state, data, shard.progress)
        else:
            progress = self._replay.to_newest(state, data, shard.progress)
        for tree, out in enumerate(sums.histograms):
            self._add_histograms(state, tree, data, progress, out)
        return sums._replace(loss=progress.loss), Shard(data, progress)

    def _add_histograms(self, state: Any, tree: int, data: Data, progress: Progress, out: Array) -> None:
        """Write the histograms of a tree's nodes of this pass, in the form of `Level.sums`."""
        nodes = growth.numbers_on_host(state.growth, tree, out.shape[1])
        if not len(nodes):
            return
        features = self._draws.features(state, np.array([tree]), nodes, np)
        if self._keeps_histograms:
            of_level, _ = self._replay.nodes_of_level(state, tree, int(progress.level))
            kept = progress.histograms[tree][np.searchsorted(of_level, nodes)]
            out[:, : len(nodes)] = np.moveaxis(kept, -1, 0)
        else:
            order, begin, end = in_order(progress.node[tree], nodes)
            kernels().few_histograms(data.bins, order, begin, end, features, progress.stats[tree], out)
        own = out[:, : len(nodes)]
        categorical = self._categorical[features]
        by_category = own[:, categorical]
        np.cumsum(own[..., :-1], axis=-1, out=own[..., :-1])
        own[:, categorical, :-2] = by_category[..., :-2]

    def update(self, state: State, sums: Sums) -> tuple[State, Scores]:
        following = self._phase(sums)(state, sums)
        done = following.model.rounds >= self._rule.rounds
        return following._replace(passes=state.passes + 1), Scores(sums.loss, sums.weight, done)

    def _phase(self, sums: Sums) -> Callable[[State, Sums], State]:
        """The part of the update that a pass was for, which its sums show."""
        if sums.sketch.size:
            return self._find_values
        if sums.table.size:
            return lambda state, sums: table.with_scores(state, sums.table)
        if sums.digits.size:
            return self._take_digit
        return self._split if sums.histograms.size else lambda state, _: state

    def _find_values(self, state: State, sums: Sums) -> State:
        following = self._values.update(state, sums)
        return table.with_constants(following, sums.table) if sums.table.size else following

    def _take_digit(self, state: State, sums: Sums) -> State:
        return self._after_pass(leaves.with_digit(state, sums.digits, self._objective, self._rule))

    def _split(self, state: State, sums: Sums) -> State:
        """Split the nodes of a pass, and begin the next round where it was the last of one."""
        rule = self._rule
        model = state.model
        tree = jnp.arange(self._trees)
        nodes = growth.nodes_of_pass(state.growth, sums.histograms.shape[2])
        draw = partial(self._draws.features, state, xp=jnp)
        features = jax.vmap(draw)(tree[:, None], nodes.number) if rule.features_per_node else None
        draws = jax.vmap(partial(self._draws.places, state))(tree[:, None], nodes.number, features)
        allowed = growth.allowed_of(state.growth, nodes, self._columns)
        level = Level(sums.histograms, features, growth.bounds_of(state.growth, nodes), draws, allowed)
        splits = splits_of_level(level, self._columns, state.edges, rule.terms, jnp.max(nodes.waiting))
        possible = splits.feature >= 0
        chosen = best_first.chosen(model, nodes, splits, rule.leaves) if rule.leaves else None
        if chosen is not None:
            possible &= best_first.at(nodes, chosen)
        children = growth.children_of(state.growth, nodes, possible)
        model = written(model, nodes, children, splits, state.edges, rule.learning_rate)
        alike = self._objective.alike(splits.leaf, model.base)
        grown = growth.following(state.growth, nodes, splits, children, rule, self._columns, alike)
        if chosen is not None:
            model = best_first.pruned(model, chosen, jnp.all(grown.head == grown.tail))
        bin = state.bin.at[model.rounds, tree[:, None], nodes.number].set(splits.bin, mode="drop")
        return self._after_pass(state._replace(bin=bin, growth=grown, model=model))

    def _after_pass(self, state: State) -> State:
        """Begin the next round where a pass was the last of one."""
        rule = self._rule
        model = state.model
        selection = state.selection
        if rule.passes is None:
            is_over = jnp.all(state.growth.head == state.growth.tail)
            is_over &= selection is None or selection.digits == LEAF_PASSES
        else:
            is_over = (state.passes + 1 - self._first_pass) % rule.passes == 0
        rounds = model.rounds + is_over.astype(jnp.int32)
        share = 1.0 / jnp.clip(rounds * rule.group, 1, rule.trees).astype(jnp.float32) if rule.average else model.share
        first = self._first_nodes(rounds), None if selection is None else quantiles.begin(self._size.nodes)
        grown = state.growth, selection
        begun, unknown = jax.tree.map(partial(jnp.where, is_over), first, grown)
        known = None if state.is_gathered is None else state.is_gathered & ~is_over
        state = state._replace(growth=begun, selection=unknown, is_gathered=known)
        return state._replace(model=model._replace(rounds=rounds, share=share))

    def parameters(self, state: State) -> Any:
        return state.model

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


@cache
def _float32(*shape: int) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, jnp.float32)
