"""Isolation forest: rows that random cuts part early from all others are anomalies.

Liu, Ting and Zhou, "Isolation Forest", ICDM 2008.  A tree is grown on a few hundred rows alone, so two passes do: one
counts the rows, the other draws a sample of all, from which every tree takes its own.  The sample is a sum, as that of
`yarnml.learners.moments.coreset`: whether a row is in it, and in which slot, is a hash of its numbers and its place in
the batch, and a slot in which several rows met is left out.
"""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from yarnml.data.schema import Schema
from yarnml.errors import JobFileError
from yarnml.job.learners import IsolationForest
from yarnml.learners.base import Batch, Key, Learner, Scores, flat
from yarnml.learners.moments.coreset import Slots, sample

SLOTS_PER_ROW = 16
"""Slots for each row of a tree: every sixth holds one row alone, so trees draw from two or three times their rows."""
MIN_SLOTS = 4096
NO_CUT = float(np.finfo(np.float32).max)
"""The threshold of a node that is not cut: a model has finite numbers."""
MAX_SAMPLE_BYTES = 2**28
"""The largest sum of a pass."""


class State(NamedTuple):
    """The state between two passes: the model, the weight of all rows, and a key for what is drawn."""

    model: Any
    total: jax.Array
    key: jax.Array


class Sums(NamedTuple):
    """The sample, empty in the first pass, with sums of the scores, which are the loss, and of weight."""

    sample: Slots
    loss: jax.Array
    weight: jax.Array


class Forest:
    """Trees of random cuts; the score of a row is near 1 for an anomaly, and 0.5 or less for most.

    The model, for each of the ``trees`` and each inner node, numbered level by level: ``feature`` and ``threshold``, of
    which rows below it go left; all go left where a node is not cut.  ``length`` [trees, ends]: the length of the path
    to an end, with that of the tree that was not grown there.  ``usual`` [1]: the mean length of a path, as of paper's
    equation 1.
    """

    def __init__(self, trees: int, rows: int, width: int) -> None:
        self._trees = trees
        self._rows = rows
        self._width = width
        self._levels = max(1, math.ceil(math.log2(rows)))
        self._slots = _slots(rows)

    def init(self, key: Key) -> State:
        nodes = (self._trees, 2**self._levels - 1)
        model = {
            "feature": jnp.zeros(nodes, jnp.int32),
            "threshold": jnp.full(nodes, NO_CUT, jnp.float32),
            "length": jnp.zeros((self._trees, 2**self._levels)),
            "usual": jnp.ones(1),
        }
        return State(model, jnp.zeros(()), jax.random.bits(key, (), jnp.uint32))

    def map(self, state: State, batch: Batch) -> Sums:
        x = flat(batch.x)
        chance = 0.5 * self._slots * batch.weight / jnp.where(state.total > 0, state.total, jnp.inf)
        drawn = sample(x, jnp.ones_like(chance), jnp.clip(chance, 0.0, 1.0), state.key, self._slots)
        return Sums(drawn, jnp.sum(self.loss(state.model, batch) * batch.weight), jnp.sum(batch.weight))

    def update(self, state: State, sums: Sums) -> tuple[State, Scores]:
        scores = Scores(sums.loss, sums.weight)
        # The first pass has no sample, as it finds the weight by which the second draws it.
        model = jax.lax.cond(state.total > 0, lambda: self._forest(state.key, sums.sample), lambda: state.model)
        return State(model, sums.weight, state.key), scores

    def _forest(self, seed: jax.Array, drawn: Slots) -> Any:
        """Grow all trees on a sample: the model."""
        is_one_row = drawn.weight == 1
        keys = jax.random.split(jax.random.key(seed), self._trees)
        size = jnp.minimum(jnp.sum(is_one_row), self._rows)
        feature, threshold, length = jax.lax.map(lambda k: self._tree(drawn.first, is_one_row, size, k), keys)
        return {"feature": feature, "threshold": threshold, "length": length, "usual": _unsuccessful(size)[None]}

    def _tree(
        self, x: jax.Array, is_one_row: jax.Array, size: jax.Array, key: Key
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Grow a tree on ``size`` rows of the sample: its features, thresholds and lengths of paths."""
        pick, cut = jax.random.split(key)
        order = jnp.where(is_one_row, jax.random.uniform(pick, is_one_row.shape), jnp.inf)
        draws = jax.random.uniform(cut, (2**self._levels - 1, self._width + 1))
        rows = x[jax.lax.top_k(-order, self._rows)[1]]
        is_row = jnp.arange(self._rows) < size
        node = jnp.zeros(self._rows, jnp.int32)
        cuts = jnp.zeros(1)
        features = []
        thresholds = []
        for level in range(self._levels):
            nodes = 2**level
            feature, threshold = _cut(rows, jnp.where(is_row, node, nodes), draws[nodes - 1 : 2 * nodes - 1])
            goes_right = rows[jnp.arange(self._rows), feature[node]] >= threshold[node]
            node = 2 * node + goes_right.astype(jnp.int32)
            cuts = jnp.repeat(cuts + (threshold < NO_CUT).astype(jnp.float32), 2)
            features.append(feature)
            thresholds.append(threshold)
        ends = jnp.zeros(2**self._levels).at[node].add(is_row.astype(jnp.float32))
        return jnp.concatenate(features), jnp.concatenate(thresholds), cuts + _unsuccessful(ends)

    def predict(self, parameters: Any, x: jax.Array) -> jax.Array:
        x = flat(x)
        place = jnp.zeros((x.shape[0], self._trees), jnp.int32)
        tree = jnp.arange(self._trees)
        for level in range(self._levels):
            node = 2**level - 1 + place
            value = jnp.take_along_axis(x, parameters["feature"][tree, node], axis=1)
            place = 2 * place + (value >= parameters["threshold"][tree, node]).astype(jnp.int32)
        length = jnp.mean(parameters["length"][tree, place], axis=1)
        return jnp.exp2(-length / parameters["usual"])

    def loss(self, parameters: Any, batch: Batch) -> jax.Array:
        return self.predict(parameters, batch.x)

    def parameters(self, state: State) -> Any:
        return state.model


def _slots(rows: int) -> int:
    """The slots of a sample for trees of so many rows."""
    return max(MIN_SLOTS, SLOTS_PER_ROW * rows)


def _cut(rows: jax.Array, node: jax.Array, draws: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Cut every node of a level at a random place of a random feature, [nodes] each.

    ``rows`` [rows, width].  ``node`` [rows]: the node of each row; the number of nodes for none.
    ``draws`` [nodes, width + 1]: random numbers, one for each feature and one for the place.
    A feature is drawn of those in which the rows of the node differ.  Where there is none the threshold is `NO_CUT`.
    """
    # Few rows and nodes: a scatter, which XLA makes row by row on a CPU, takes longer than to compare each with each.
    is_in = (node == jnp.arange(len(draws), dtype=jnp.int32)[:, None])[:, :, None]
    low = jnp.min(jnp.where(is_in, rows, NO_CUT), axis=1)
    high = jnp.max(jnp.where(is_in, rows, -NO_CUT), axis=1)
    can_cut = low < high
    feature = jnp.argmax(jnp.where(can_cut, draws[:, :-1], -1.0), axis=1).astype(jnp.int32)
    low, high = (jnp.take_along_axis(bound, feature[:, None], axis=1)[:, 0] for bound in (low, high))
    threshold = low + draws[:, -1] * (high - low)
    # Between the two: the lowest row goes left, and the highest right.
    threshold = jnp.clip(threshold, jnp.nextafter(low, high), high)
    return feature, jnp.where(jnp.any(can_cut, axis=1), threshold, NO_CUT)


def _unsuccessful(rows: jax.Array) -> jax.Array:
    """The mean length of a path in a tree of random cuts of so many rows (equation 1 of the paper)."""
    several = jnp.maximum(rows.astype(jnp.float32), 3.0)
    harmonic = jnp.log(several - 1.0) + jnp.float32(jnp.euler_gamma)
    length = 2.0 * harmonic - 2.0 * (several - 1.0) / several
    return jnp.where(rows > 2, length, jnp.where(rows == 2, 1.0, 0.0)).astype(jnp.float32)


def build(options: IsolationForest, schema: Schema) -> Learner:
    needed = 4 * _slots(options.rows) * (schema.width + 2)
    if needed > MAX_SAMPLE_BYTES:
        raise JobFileError(
            f"learner.rows {options.rows} of {schema.width} numbers make a sample of {needed / 2**20:,.0f} MiB, and "
            f"{MAX_SAMPLE_BYTES / 2**20:.0f} MiB is the most; lower learner.rows, or take fewer features."
        )
    return Forest(options.trees, options.rows, schema.width)
