"""Rounds of trees as a learner of whole shards: passes that find the bins, then passes that find splits.

The first epochs, as many as it takes, are for the bins; passes that they have beyond that change nothing.  Then come
the rounds of trees.  When all are over, further passes change nothing.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from yarnml.data.arrays import Array
from yarnml.errors import DataError
from yarnml.learners.base import Batch, Key, Scores, flat
from yarnml.learners.trees import categories, growth, sketch
from yarnml.learners.trees.growth import Growth
from yarnml.learners.trees.kernels import kernels
from yarnml.learners.trees.model import Model, scores_of, written
from yarnml.learners.trees.objectives import Objective
from yarnml.learners.trees.progress import Progress, Replay
from yarnml.learners.trees.rule import Columns, Rule, Size
from yarnml.learners.trees.shard import Binning, Data, in_order, read_shard
from yarnml.learners.trees.splits import Level, splits_of_level
from yarnml.learners.trees.state import Shard, State, Sums

MOST_KEPT_LEVELS = 8
"""Trees of more levels are counted anew at each: histograms of a level above would take too much memory."""


class Ensemble:
    """Trees for an objective.

    ``size``: bounds on the nodes of a tree.
    ``first_pass``: the number of the pass that grows the first level; the passes before are for the bins.
    """

    def __init__(self, objective: Objective, rule: Rule, columns: Columns, size: Size, first_pass: int) -> None:
        self._objective = objective
        self._rule = rule
        self._size = size
        self._first_pass = first_pass
        self._columns = columns
        self._features = len(columns.categorical)
        self._categorical = columns.categorical
        self._trees = objective.trees * rule.group
        self._replay = Replay(objective, rule, self._categorical)
        self._keeps_histograms = bool(rule.passes and rule.passes <= MOST_KEPT_LEVELS and not rule.features_per_node)

    def init(self, key: Key) -> State:
        mean = jnp.full(self._objective.targets_count, self._objective.guess, jnp.float32)
        by_node = self._rule.rounds, self._trees, self._size.nodes
        coded = int(self._categorical.sum())
        model = Model(
            base=self._objective.base(mean),
            rounds=jnp.zeros((), jnp.int32),
            share=jnp.ones(()),
            feature=jnp.full(by_node, -1, jnp.int32),
            threshold=jnp.zeros(by_node),
            left=jnp.zeros(by_node, bool),
            categories=jnp.zeros((*by_node, categories.word_count(self._rule.bins)), jnp.uint32) if coded else None,
            table=jnp.full((coded, categories.MAX_CATEGORIES), self._rule.bins, jnp.uint8) if coded else None,
            child=jnp.zeros(by_node, jnp.int32),
            leaf=jnp.zeros((*by_node, self._objective.outputs)),
            gain=jnp.zeros(by_node),
            cover=jnp.zeros(by_node),
        )
        return State(
            passes=jnp.zeros((), jnp.int32),
            seed=jax.random.bits(key, (), jnp.uint32),
            cells=sketch.first_cells(self._features, self._rule.bins),
            edges=jnp.full((self._features, self._rule.bins), sketch.LARGEST, jnp.float32),
            exact=jnp.zeros(self._features, bool),
            mean=mean,
            bin=jnp.zeros(by_node, jnp.int32),
            growth=self._first_nodes(model.rounds),
            model=model,
        )

    def _first_nodes(self, number: jax.Array) -> Growth:
        return growth.begin(self._rule, self._size, self._trees, number, bounded=self._columns.bounded)

    def prepare_shard(self, state: Any, batches: Iterable[Batch]) -> Shard:
        binning = Binning(state.edges, state.model.table, self._categorical)
        known = binning if state.passes >= sketch.PASSES else None
        return Shard(read_shard(batches, self._features, known), None)

    def form_of_sums(self, state: Any) -> Sums:
        """Shapes and types of the sums of the pass at a state."""

        def form(*shape: int) -> jax.ShapeDtypeStruct:
            return jax.ShapeDtypeStruct(shape, jnp.float32)

        passes = int(state.passes)
        outputs = self._objective.outputs
        scores = len(state.model.base)
        coded = int(self._categorical.sum()) if passes == 0 else 0
        codes = form(coded, categories.MAX_CATEGORIES, 1 + scores)
        cells = sketch.cell_count(self._rule.bins) if passes < sketch.PASSES else 0
        width = 0
        if passes >= self._first_pass and state.model.rounds < self._rule.rounds:
            width = self._size.width_of_pass(growth.waiting(state.growth))
        features = self._rule.features_per_node or self._features
        histograms = form(self._trees, outputs + 1, width, features, self._rule.bins + 1)
        targets = form(self._objective.targets_count if passes == 0 else 0)
        return Sums(form(), form(), targets, form(self._features, cells), codes, histograms)

    def map_shard(self, state: Any, shard: Shard) -> tuple[Sums, Shard]:
        data = shard.data
        passes = int(state.passes)
        sums = jax.tree.map(lambda form: np.zeros(form.shape), self.form_of_sums(state))
        sums = sums._replace(weight=np.asarray(data.weight.sum(dtype=np.float64)))
        if passes < self._first_pass:
            return self._map_values(state, data, sums), shard
        data = data.binned(Binning(state.edges, state.model.table, self._categorical))
        if self._keeps_histograms:
            level = (passes - self._first_pass) % self._rule.depth
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
        features = self._features_of(state.seed, state.model.rounds, np.array([tree]), nodes, np)
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

    def _features_of(self, seed: Any, rounds: Any, tree: Any, nodes: Any, xp: Any) -> Any:
        """The features that the nodes of a tree [1] may split on, int32 [nodes, features]; with NumPy or JAX."""
        count = self._rule.features_per_node
        if count is None:
            return xp.tile(xp.arange(self._features, dtype=np.int32), (len(nodes), 1))
        number = rounds * self._trees + tree
        return growth.draw_features(seed.reshape(1), number, nodes, self._features, count, xp)

    def _map_values(self, state: Any, data: Data, sums: Sums) -> Sums:
        """Add to the sums of a pass before the first tree: where the values of the features lie."""
        scores = np.repeat(state.model.base[:, None], len(data.y), axis=1)
        sums = sums._replace(loss=self._replay.loss(scores, data))
        if state.passes >= sketch.PASSES:
            return sums
        if state.passes == 0:
            targets = self._objective.targets(data.y)
            return sums._replace(
                targets=(targets * data.weight).sum(axis=1, dtype=np.float64),
                sketch=sketch.tables(data.values, self._rule.bins),
                categories=categories.counts(data.values[self._categorical], targets[: len(scores)], data.weight),
            )
        return sums._replace(sketch=sketch.counts(data.values, data.weight, state.cells, state.exact))

    def update(self, state: State, sums: Sums) -> tuple[State, Scores]:
        following = self._phase(sums)(state, sums)
        done = following.model.rounds >= self._rule.rounds
        return following._replace(passes=state.passes + 1), Scores(sums.loss, sums.weight, done)

    def _phase(self, sums: Sums) -> Callable[[State, Sums], State]:
        """The part of the update that a pass was for, which its sums show."""
        if sums.targets.size:
            return self._distinguish
        if sums.sketch.size:
            return self._count
        return self._split if sums.histograms.size else lambda state, _: state

    def _distinguish(self, state: State, sums: Sums) -> State:
        """The first pass: a bin for each value of a feature that has few."""
        bins = self._rule.bins
        edges, exact = sketch.distinct_edges(sums.sketch, bins)
        mean = sums.targets / jnp.where(sums.weight > 0, sums.weight, 1.0)
        table = categories.bins_of(sums.categories, bins) if self._categorical.any() else None
        model = state.model._replace(base=self._objective.base(mean), table=table)
        return state._replace(edges=edges, exact=exact | self._categorical, mean=mean, model=model)

    def _count(self, state: State, sums: Sums) -> State:
        """The other passes before the first tree: finer cells for the features that have many values."""
        bins = self._rule.bins
        edges = jnp.where(state.exact[:, None], state.edges, sketch.edges(state.cells, sums.sketch, bins))
        return state._replace(cells=sketch.refine(state.cells, sums.sketch, bins), edges=edges)

    def _split(self, state: State, sums: Sums) -> State:
        """Split the nodes of a pass, and begin the next round where it was the last of one."""
        rule = self._rule
        model = state.model
        tree = jnp.arange(self._trees)
        nodes = growth.nodes_of_pass(state.growth, sums.histograms.shape[2])
        draw = partial(self._features_of, state.seed, model.rounds, xp=jnp)
        features = jax.vmap(draw)(tree[:, None], nodes.number) if rule.features_per_node else None
        level = Level(sums.histograms, features, growth.bounds_of(state.growth, nodes))
        splits = splits_of_level(level, self._columns, state.edges, rule.terms, jnp.max(nodes.waiting))
        children = growth.children_of(state.growth, nodes, splits)
        model = written(model, nodes, children, splits, state.edges, rule.learning_rate)
        alike = self._objective.alike(splits.leaf, model.base)
        grown = growth.following(state.growth, nodes, splits, children, rule, alike)
        passes = state.passes + 1 - self._first_pass
        is_over = jnp.all(grown.head == grown.tail) if rule.passes is None else passes % rule.passes == 0
        rounds = model.rounds + is_over.astype(jnp.int32)
        share = 1.0 / jnp.clip(rounds * rule.group, 1, rule.trees).astype(jnp.float32) if rule.average else model.share
        first = self._first_nodes(rounds)
        bin = state.bin.at[model.rounds, tree[:, None], nodes.number].set(splits.bin, mode="drop")
        return state._replace(
            bin=bin,
            growth=jax.tree.map(partial(jnp.where, is_over), first, grown),
            model=model._replace(rounds=rounds, share=share),
        )

    def parameters(self, state: State) -> Any:
        return state.model

    def predict(self, parameters: Any, x: jax.Array) -> jax.Array:
        return self._objective.predict(self._scores(parameters, x))

    def loss(self, parameters: Any, batch: Batch) -> jax.Array:
        return self._objective.loss(self._scores(parameters, batch.x).T, batch.y, jnp)

    def _scores(self, parameters: Any, x: jax.Array) -> jax.Array:
        return scores_of(parameters, flat(x), self._categorical, self._rule.bins)

    def check(self, rows: Batch) -> None:
        if refused := self._objective.refused(rows.y[rows.weight > 0]):
            raise DataError(refused)
        x = rows.x.reshape(len(rows.x), self._features)
        if np.isinf(x).any():
            raise DataError("A feature holds infinity; trees take numbers, and NaN for what is missing.")
        codes = x[:, self._categorical]
        largest = categories.MAX_CATEGORIES - 1
        odd = codes[~(np.isnan(codes) | ((codes >= 0) & (codes <= largest) & (codes == np.floor(codes))))]
        if odd.size:
            raise DataError(
                f"A column of learner.categorical holds {odd[0]:g}, but categories are whole numbers from 0 to "
                f"{largest}; number them so, as data.prepare: [{{kind: category, …}}] does, or leave the column to "
                "splits by size."
            )
