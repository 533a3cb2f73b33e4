"""Rounds of trees as a learner of whole shards: passes that find the bins, then one pass for every level.

The first epochs, as many as it takes, are for the bins; passes that they have beyond that change nothing.  Then every
epoch is one round of trees.  When all rounds are over, further passes change nothing.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from yarnml.data.arrays import Array
from yarnml.errors import DataError
from yarnml.learners.base import Batch, Key, Scores, flat
from yarnml.learners.trees import sketch
from yarnml.learners.trees.model import Model, scores_of
from yarnml.learners.trees.objectives import Objective
from yarnml.learners.trees.progress import Progress, Replay
from yarnml.learners.trees.rule import Columns, Rule
from yarnml.learners.trees.shard import Data, read_shard
from yarnml.learners.trees.splits import Level, Splits, no_bounds, splits_of_level


class State(NamedTuple):
    """The state between two passes.

    ``passes``: made so far.
    ``cells`` [features, cells + 1] and ``edges`` [features, bins]: see `sketch`.
    ``exact`` [features]: true where every value has a bin of its own.
    ``bin`` [rounds, trees, nodes]: the bin whose edge is the model's threshold.
    ``bounds`` [trees, 2, nodes]: the least and the largest leaf below each node of this level; None where leaves are
    free.
    """

    passes: jax.Array
    seed: jax.Array
    cells: jax.Array
    edges: jax.Array
    exact: jax.Array
    bin: jax.Array
    bounds: jax.Array | None
    model: Model


class Sums(NamedTuple):
    """Sums over the rows of a shard.

    ``targets`` [scores], ``sketch`` [features, cells]: in the passes that find the bins; else 0.
    ``histograms`` [trees, channels, nodes, features, bins + 1]: those of a level, in the form of `Level.sums`; 0 before
    the first tree.
    """

    weight: Any
    loss: Any
    targets: Any
    sketch: Any
    histograms: Any


class Shard(NamedTuple):
    """The state that is kept of a shard: its rows, and how far they have come; None before the first tree."""

    data: Data
    progress: Progress | None


class Ensemble:
    """Trees for an objective.

    ``first_pass``: the number of the pass that grows the first level; the passes before are for the bins.
    """

    def __init__(self, objective: Objective, rule: Rule, columns: Columns, first_pass: int) -> None:
        self._objective = objective
        self._rule = rule
        self._first_pass = first_pass
        self._columns = columns
        self._features = len(columns.categorical)
        self._categorical = columns.categorical
        self._nodes = 1 << (rule.depth - 1)
        self._replay = Replay(objective, rule, self._categorical)

    def init(self, key: Key) -> State:
        rounds = self._rule.rounds
        trees = self._objective.trees
        outputs = self._objective.outputs
        by_node = rounds, trees, 2 * self._nodes - 1
        model = Model(
            base=self._objective.base(jnp.full(trees * outputs, self._objective.guess, jnp.float32)),
            rounds=jnp.zeros((), jnp.int32),
            share=jnp.ones(()),
            feature=jnp.full(by_node, -1, jnp.int32),
            threshold=jnp.zeros(by_node),
            left=jnp.zeros(by_node, bool),
            leaf=jnp.zeros((rounds, trees, 2 * self._nodes, outputs)),
            gain=jnp.zeros(by_node),
            cover=jnp.zeros(by_node),
        )
        return State(
            passes=jnp.zeros((), jnp.int32),
            seed=jax.random.bits(key, (), jnp.uint32),
            cells=sketch.first_cells(self._features, self._rule.bins),
            edges=jnp.full((self._features, self._rule.bins), sketch.LARGEST, jnp.float32),
            exact=jnp.zeros(self._features, bool),
            bin=jnp.zeros(by_node, jnp.int32),
            bounds=no_bounds(trees, self._nodes) if self._columns.bounded else None,
            model=model,
        )

    def prepare_shard(self, state: Any, batches: Iterable[Batch]) -> Shard:
        edges = state.edges if state.passes >= sketch.PASSES else None
        return Shard(read_shard(batches, self._features, edges), None)

    def map_shard(self, state: Any, shard: Shard) -> tuple[Sums, Shard]:
        data = shard.data
        passes = int(state.passes)
        if passes < self._first_pass:
            return self._map_values(state, data), shard
        data = data.binned(state.edges)
        level = min(passes - self._first_pass, self._rule.levels)
        progress = self._replay.advance(level, state, data, shard.progress)
        sums = self._sums(data, progress.loss)
        if progress.histograms.size:
            by_bin = np.moveaxis(progress.histograms, -1, 1)
            up_to = sums.histograms[:, :, : progress.histograms.shape[1]]  # the form of `Level.sums`
            np.cumsum(by_bin[..., :-1], axis=-1, out=up_to[..., :-1])
            up_to[:, :, :, self._categorical, :-2] = by_bin[:, :, :, self._categorical, :-2]
            up_to[..., -1] = by_bin[..., -1]
        return sums, Shard(data, progress)

    def _map_values(self, state: Any, data: Data) -> Sums:
        """Sums of a pass before the first tree: where the values of the features lie."""
        scores = np.broadcast_to(state.model.base[:, None], (len(state.model.base), len(data.y)))
        sums = self._sums(data, self._replay.loss(scores, data))
        if state.passes >= sketch.PASSES:
            return sums
        if state.passes == 0:
            targets = (self._objective.targets(data.y) * data.weight).sum(axis=1, dtype=np.float64)
            return sums._replace(targets=targets, sketch=sketch.tables(data.values, self._rule.bins))
        return sums._replace(sketch=sketch.counts(data.values, data.weight, state.cells, state.exact))

    def _sums(self, data: Data, loss: Array) -> Sums:
        trees = self._objective.trees
        outputs = self._objective.outputs
        weight = np.asarray(data.weight.sum(dtype=np.float64))
        cells = np.zeros((self._features, sketch.cell_count(self._rule.bins)))
        histograms = np.zeros((trees, outputs + 1, self._nodes, self._features, self._rule.bins + 1))
        return Sums(weight, loss, np.zeros(trees * outputs), cells, histograms)

    def update(self, state: State, sums: Sums) -> tuple[State, Scores]:
        growing = (state.passes >= self._first_pass) & (state.passes < self._first_pass + self._rule.levels)
        sketching = jnp.where(state.passes == 0, 0, 1)
        phase = jnp.where(growing, 3, jnp.where(state.passes < sketch.PASSES, sketching, 2))
        phases = [self._distinguish, self._count, lambda state, _: state, self._split]
        following = jax.lax.switch(phase, phases, state, sums)
        return following._replace(passes=state.passes + 1), Scores(sums.loss, sums.weight)

    def _distinguish(self, state: State, sums: Sums) -> State:
        """The first pass: a bin for each value of a feature that has few."""
        bins = self._rule.bins
        edges, exact = sketch.distinct_edges(sums.sketch, bins)
        edges = jnp.where(self._categorical[:, None], jnp.arange(bins, dtype=jnp.float32), edges)
        base = self._objective.base(sums.targets / jnp.where(sums.weight > 0, sums.weight, 1.0))
        return state._replace(edges=edges, exact=exact | self._categorical, model=state.model._replace(base=base))

    def _count(self, state: State, sums: Sums) -> State:
        """The other passes before the first tree: finer cells for the features that have many values."""
        bins = self._rule.bins
        edges = jnp.where(state.exact[:, None], state.edges, sketch.edges(state.cells, sums.sketch, bins))
        return state._replace(cells=sketch.refine(state.cells, sums.sketch, bins), edges=edges)

    def _split(self, state: State, sums: Sums) -> State:
        """Add the nodes of a level, and with the last level of a round its leaves."""
        rule = self._rule
        model = state.model
        number, level = jnp.divmod(state.passes - self._first_pass, rule.depth)
        rounds = number + (level == rule.depth - 1).astype(jnp.int32)  # that are over
        nodes = Level(sums.histograms, self._allowed(state), state.bounds)
        splits = splits_of_level(nodes, self._columns, rule.terms, 1 << level)

        def write(into: jax.Array, values: jax.Array) -> jax.Array:
            """Write nodes from this level's first on.

            ``values`` are as many as the widest level has.  Those beyond this level are written over by the next.
            """
            return jax.lax.dynamic_update_slice(into, values[None], (number, 0, (1 << level) - 1))

        leaf = jnp.transpose(rule.learning_rate * splits.leaf, (0, 3, 1, 2)).reshape(1, *model.leaf.shape[1:])
        leaves = jax.lax.dynamic_update_slice(model.leaf, leaf, (number, 0, 0, 0))
        grown = model._replace(
            rounds=rounds,
            share=1.0 / jnp.maximum(rounds, 1).astype(jnp.float32) if rule.average else model.share,
            feature=write(model.feature, splits.feature),
            threshold=write(model.threshold, state.edges[jnp.maximum(splits.feature, 0), splits.bin]),
            left=write(model.left, splits.left),
            leaf=jnp.where(rounds > number, leaves, model.leaf),
            gain=write(model.gain, splits.gain),
            cover=write(model.cover, splits.cover),
        )
        return state._replace(bin=write(state.bin, splits.bin), bounds=self._bounds_below(level, splits), model=grown)

    def _bounds_below(self, level: jax.Array, splits: Splits) -> jax.Array | None:
        """The bounds of the next level's nodes, or of the next round's."""
        if splits.bounds is None:
            return None
        trees, _, _, nodes = splits.bounds.shape
        below = jnp.swapaxes(splits.bounds, 2, 3).reshape(trees, 2, 2 * nodes)[..., :nodes]
        return jnp.where(level == self._rule.depth - 1, no_bounds(trees, nodes), below)

    def _allowed(self, state: State) -> jax.Array:
        """The features that a node may split on, drawn anew for each node and pass: bool [trees, nodes, features]."""
        shape = self._objective.trees, self._nodes, self._features
        if self._rule.features_per_node is None:
            return jnp.ones(shape, bool)
        drawn = jax.random.uniform(jax.random.fold_in(jax.random.key(state.seed), state.passes), shape)
        return drawn <= jnp.sort(drawn, axis=-1)[..., self._rule.features_per_node - 1, None]

    def parameters(self, state: State) -> Any:
        return state.model

    def predict(self, parameters: Any, x: jax.Array) -> jax.Array:
        return self._objective.predict(self._scores(parameters, x))

    def loss(self, parameters: Any, batch: Batch) -> jax.Array:
        return self._objective.loss(self._scores(parameters, batch.x).T, batch.y, jnp)

    def _scores(self, parameters: Any, x: jax.Array) -> jax.Array:
        return scores_of(parameters, flat(x), jnp.asarray(self._categorical))

    def check(self, rows: Batch) -> None:
        x = rows.x.reshape(len(rows.x), self._features)
        if np.isinf(x).any():
            raise DataError("A feature holds infinity; trees take numbers, and NaN for what is missing.")
        codes = x[:, self._categorical]
        largest = self._rule.bins - 2
        odd = codes[~(np.isnan(codes) | ((codes >= 0) & (codes <= largest) & (codes == np.floor(codes))))]
        if odd.size:
            raise DataError(
                f"A column of learner.categorical holds {odd[0]:g}, but categories are whole numbers from 0 to "
                f"{largest}, two less than learner.bins; number them so, or leave the column to splits by size."
            )
