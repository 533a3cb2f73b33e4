"""Rounds of trees as a learner that holds: passes that find the bins, then one pass for every level.

The first epoch, or as many as it takes, is for the bins, with passes in which nothing happens where it has more than
that takes.  Then every epoch is one round of trees.  When all rounds are over, further passes change nothing.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from yarnml.errors import DataError
from yarnml.learners.base import Batch, Key, Scores, flat
from yarnml.learners.trees import shard, sketch
from yarnml.learners.trees.model import Model, scores_of
from yarnml.learners.trees.objectives import Objective
from yarnml.learners.trees.progress import Progress, Replay
from yarnml.learners.trees.rule import Columns, Rule
from yarnml.learners.trees.shard import Data
from yarnml.learners.trees.splits import Level, Splits, no_bounds, splits_of_level

Array = npt.NDArray[Any]


class State(NamedTuple):
    """``passes`` made so far.  cells [features, cells + 1]; edges [features, bins].

    ``bin`` [rounds, trees, nodes]: the one that the model's threshold is the edge of.  ``bounds`` [trees, 2, nodes]:
    the least and the largest leaf below each node of this level, where leaves are not free.
    """

    passes: jax.Array
    seed: jax.Array
    cells: jax.Array
    edges: jax.Array
    bin: jax.Array
    bounds: jax.Array | None
    model: Model


class Sums(NamedTuple):
    """targets [scores] and cells [features, cells], while bins are looked for; else 0.

    histograms [trees, channels, nodes, features, bins + 1] of a level, in the form of `best_splits`; 0 before that.
    """

    weight: Any
    loss: Any
    targets: Any
    cells: Any
    histograms: Any


class Held(NamedTuple):
    data: Data
    progress: Progress | None


class Ensemble:
    """Trees for an objective, after ``start`` passes before them."""

    def __init__(self, objective: Objective, rule: Rule, columns: Columns, start: int) -> None:
        self._objective, self._rule, self._start, self._columns = objective, rule, start, columns
        self._features, self._categorical = len(columns.categorical), columns.categorical
        self._nodes = 1 << (rule.depth - 1)
        self._replay = Replay(objective, rule, self._categorical)

    def init(self, key: Key) -> State:
        rounds, trees, outputs = self._rule.rounds, self._objective.trees, self._objective.outputs
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
            cells=sketch.first_cells(self._features),
            edges=jnp.full((self._features, self._rule.bins), sketch.LARGEST, jnp.float32),
            bin=jnp.zeros(by_node, jnp.int32),
            bounds=no_bounds(trees, self._nodes) if self._columns.bounded else None,
            model=model,
        )

    def prepare_shard(self, state: Any, batches: Iterable[Batch]) -> Held:
        edges = state.edges if state.passes >= sketch.PASSES else None
        return Held(shard.gathered(batches, self._features, edges), None)

    def map_shard(self, state: Any, held: Held) -> tuple[Sums, Held]:
        data, passes = held.data, int(state.passes)
        if passes < self._start:
            return self._looked(state, data), held
        data = data.binned(state.edges)
        level = min(passes - self._start, self._rule.levels)
        progress = self._replay.to(level, state, data, held.progress)
        sums = self._sums(data, progress.loss)
        if progress.here.size:
            here, below = np.moveaxis(progress.here, -1, 1), sums.histograms[:, :, : progress.here.shape[1]]
            np.cumsum(here[..., :-1], axis=-1, out=below[..., :-1])
            below[:, :, :, self._categorical, :-2] = here[:, :, :, self._categorical, :-2]
            below[..., -1] = here[..., -1]
        return sums, Held(data, progress)

    def _looked(self, state: Any, data: Data) -> Sums:
        """What a pass before the first tree finds."""
        scores = np.broadcast_to(state.model.base[:, None], (len(state.model.base), len(data.y)))
        sums = self._sums(data, self._replay.loss(scores, data))
        if state.passes >= sketch.PASSES:
            return sums
        targets = (self._objective.targets(data.y) * data.weight).sum(axis=1, dtype=np.float64)
        return sums._replace(targets=targets, cells=sketch.counts(data.values, data.weight, state.cells))

    def _sums(self, data: Data, loss: Array) -> Sums:
        trees, outputs = self._objective.trees, self._objective.outputs
        weight = np.asarray(data.weight.sum(dtype=np.float64))
        cells = np.zeros((self._features, sketch.CELLS))
        histograms = np.zeros((trees, outputs + 1, self._nodes, self._features, self._rule.bins + 1))
        return Sums(weight, loss, np.zeros(trees * outputs), cells, histograms)

    def update(self, state: State, sums: Sums) -> tuple[State, Scores]:
        growing = (state.passes >= self._start) & (state.passes < self._start + self._rule.levels)
        phase = jnp.where(growing, 2, jnp.where(state.passes < sketch.PASSES, 0, 1))
        following = jax.lax.switch(phase, [self._sketched, lambda state, _: state, self._split], state, sums)
        return following._replace(passes=state.passes + 1), Scores(sums.loss, sums.weight)

    def _sketched(self, state: State, sums: Sums) -> State:
        edges = sketch.edges(state.cells, sums.cells, self._rule.bins)
        edges = jnp.where(self._categorical[:, None], jnp.arange(self._rule.bins, dtype=jnp.float32), edges)
        base = self._objective.base(sums.targets / jnp.where(sums.weight > 0, sums.weight, 1.0))
        return state._replace(
            cells=sketch.refined(state.cells, sums.cells),
            edges=jnp.where(state.passes == sketch.PASSES - 1, edges, state.edges),
            model=state.model._replace(base=base),
        )

    def _split(self, state: State, sums: Sums) -> State:
        """The nodes of a level, and with the last one the leaves."""
        rule, model = self._rule, state.model
        number, level = jnp.divmod(state.passes - self._start, rule.depth)
        over = number + (level == rule.depth - 1).astype(jnp.int32)  # rounds
        nodes = Level(sums.histograms, self._allowed(state), state.bounds)
        found = splits_of_level(nodes, self._columns, rule.terms, 1 << level)

        def written(into: jax.Array, values: jax.Array) -> jax.Array:
            """With nodes that are none of this level's: the next levels are written over them."""
            return jax.lax.dynamic_update_slice(into, values[None], (number, 0, (1 << level) - 1))

        leaf = jnp.transpose(rule.rate * found.leaf, (0, 3, 1, 2)).reshape(1, *model.leaf.shape[1:])
        leaves = jax.lax.dynamic_update_slice(model.leaf, leaf, (number, 0, 0, 0))
        grown = model._replace(
            rounds=over,
            share=1.0 / jnp.maximum(over, 1).astype(jnp.float32) if rule.average else model.share,
            feature=written(model.feature, found.feature),
            threshold=written(model.threshold, state.edges[jnp.maximum(found.feature, 0), found.bin]),
            left=written(model.left, found.left),
            leaf=jnp.where(over > number, leaves, model.leaf),
            gain=written(model.gain, found.gain),
            cover=written(model.cover, found.cover),
        )
        return state._replace(bin=written(state.bin, found.bin), bounds=self._below(level, found), model=grown)

    def _below(self, level: jax.Array, found: Splits) -> jax.Array | None:
        """The bounds of the next level's nodes, or of the next round's."""
        if found.bounds is None:
            return None
        trees, _, _, nodes = found.bounds.shape
        below = jnp.swapaxes(found.bounds, 2, 3).reshape(trees, 2, 2 * nodes)[..., :nodes]
        return jnp.where(level == self._rule.depth - 1, no_bounds(trees, nodes), below)

    def _allowed(self, state: State) -> jax.Array:
        """[trees, nodes, features]: the features that a node may split on, drawn anew for each."""
        shape = self._objective.trees, self._nodes, self._features
        if self._rule.subset is None:
            return jnp.ones(shape, bool)
        drawn = jax.random.uniform(jax.random.fold_in(jax.random.key(state.seed), state.passes), shape)
        return drawn <= jnp.sort(drawn, axis=-1)[..., self._rule.subset - 1, None]

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
        codes, most = x[:, self._categorical], self._rule.bins - 2
        odd = codes[~(np.isnan(codes) | ((codes >= 0) & (codes <= most) & (codes == np.floor(codes))))]
        if odd.size:
            raise DataError(
                f"A column of learner.categorical holds {odd[0]:g}, but categories are whole numbers from 0 to {most}, "
                "two less than learner.bins; number them so, or leave the column to splits by size."
            )
