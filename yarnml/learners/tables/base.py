"""Learners with tables: their gradient is one of the rows that a batch needs, and their sums are sums by key.

A model sees an array of rows, one for each different key of a batch, and where every entry of the batch finds its row.
Which keys these are, and where their rows are kept, is not its concern.  Parameters that belong to no key are kept as
rows, too, one for each number, and follow the same rules.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np

from yarnml.data.arrays import Array, Matrix
from yarnml.job.learners.tables import TableLearnerOptions
from yarnml.learners.base import Batch, Check, Key
from yarnml.sparse.block import Block, first_weights
from yarnml.sparse.policy import KeyPolicy
from yarnml.sparse.run import Run
from yarnml.sparse.table import Table


class Entries(NamedTuple):
    """The keys of a batch, one row's behind the other's.

    ``index``: int32 [entries], the row of each entry's parameters.  ``row``: int32 [entries], ascending, the row of the
    batch.  ``value``: float32 [entries], 0 for padding; None where all are 1, and padding belongs to no row.
    ``field``: int32 [entries], the number of each entry's column; None for a learner that does not ask for it.
    """

    index: Any
    row: Any
    value: Any
    field: Any = None

    def sums(self, parameters: jax.Array, rows: int) -> jax.Array:
        """Σ over the entries of every row of value · parameters: [different keys, …] → [rows, …]."""
        return sums_by_row(self.weighted(parameters), self.row, rows)

    def sums_by_field(self, parameters: jax.Array, rows: int, fields: int) -> jax.Array:
        """Do as `sums`, column by column: [different keys, width] → [rows, fields, width]."""
        own = self.weighted(parameters)
        return sums_by_row(own, self.row * fields + self.field, rows * fields).reshape(rows, fields, -1)

    def weighted(self, parameters: jax.Array) -> jax.Array:
        """[entries, width]: value · parameters of each entry."""
        taken = jnp.take(parameters, self.index, axis=0, mode="clip")
        return taken if self.value is None else taken * self.value[:, None]


def sums_by_row(numbers: jax.Array, row: jax.Array, rows: int) -> jax.Array:
    """Σ over the entries of every row: [entries, …] → [rows, …]; entries of rows that are not there are left out."""
    return jax.ops.segment_sum(numbers, row, rows, indices_are_sorted=True)


class DenseBlock(NamedTuple):
    """Parameters that belong to no key: ``size`` rows, an array [size, width of the block].

    ``initial``: makes the first weights of a seed; None for those that a row of a table would begin with.
    """

    block: Block
    size: int
    initial: Callable[[int], Matrix] | None = None

    @property
    def name(self) -> str:
        return self.block.name

    def first(self, seed: int) -> Matrix:
        """The rows before the first update."""
        weights = self.initial(seed) if self.initial else self._even(seed)
        return self.block.rule.first(weights)

    def _even(self, seed: int) -> Matrix:
        return first_weights(self.block._replace(seed=seed), np.arange(self.size, dtype=np.uint64))


class TableModel(Protocol):
    """A model with tables.  ``blocks``: of a row of its table; ``dense``: what it has beside."""

    blocks: tuple[Block, ...]
    dense: tuple[DenseBlock, ...]

    def score(self, dense: dict[str, jax.Array], rows: dict[str, jax.Array], x: jax.Array, entries: Entries) -> Any:
        """The score of every row [rows], or whatever its loss takes for one.

        ``rows``: float32 [different keys, width] for each block.  x: float32 [rows, width].
        """


@runtime_checkable
class SumModel(TableModel, Protocol):
    """A model that sees the keys of a row by the sum of their weights alone, one for each: its only block."""

    def score_of_sums(self, dense: dict[str, jax.Array], sums: jax.Array, x: jax.Array) -> jax.Array:
        """The score of every row [rows].  ``sums`` [rows]: Σ over its entries of value · weight."""


class Loss(Protocol):
    """The loss of a model's scores, and the prediction that is made of them."""

    def loss(self, score: Any, batch: Batch) -> jax.Array:
        """The loss of every row, [rows].  ``batch``: its rows; those of one shard at one step, where one trains."""

    def predict(self, score: Any) -> jax.Array:
        """Probabilities [rows, 2] of the classes, or numbers [rows]."""


class TableState(NamedTuple):
    """``dense``: rows by name, as their rules keep them, float32 [numbers, stored].

    ``table``: changed in place; of an older state `yarnml.sparse.base.Weights` alone.
    """

    dense: dict[str, Matrix]
    table: Any


class TableLearner:
    """A model and a loss; rows are updated by their rules, with sums over all rows of a step.

    ``check``: refuses rows that the loss can't take.
    ``options``: which keys have rows.
    """

    def __init__(self, model: TableModel, loss: Loss, check: Check | None, options: TableLearnerOptions) -> None:
        self.model = model
        self._loss = loss
        self.check = check
        self._options = options

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The blocks of a row of its table."""
        return self.model.blocks

    @property
    def dense(self) -> tuple[DenseBlock, ...]:
        return self.model.dense

    def init(self, key: Key) -> TableState:
        """The state before the first step: no key has a row yet, and ages of rows are not kept."""
        seed = int(np.asarray(jax.random.key_data(key))[-1])
        policy = KeyPolicy(self._options.min_count, self._options.admission_probability, seed=seed)
        table = Table([block._replace(seed=seed) for block in self.blocks], policy)
        return TableState({d.name: d.first(seed) for d in self.dense}, table)

    def parameters(self, state: TableState) -> dict[str, Array]:
        """The arrays of the model that belong to no key."""
        return {d.name: d.block.rule.weights(state.dense[d.name]) for d in self.dense}

    def total(self, dense: Any, rows: Any, batch: Batch, entries: Entries) -> jax.Array:
        """The loss of a batch, Σ weight · loss: what the gradient is taken of."""
        return jnp.sum(self.loss(dense, rows, batch, entries) * batch.weight)

    def loss(self, dense: Any, rows: Any, batch: Batch, entries: Entries) -> jax.Array:
        """The loss of every row, [rows]."""
        return self.loss_of_score(self.model.score(dense, rows, batch.x, entries), batch)

    def loss_of_score(self, score: Any, batch: Batch) -> jax.Array:
        """The loss of every row by its score, [rows]."""
        return self._loss.loss(score, batch)

    def predict(self, dense: Any, rows: Any, x: jax.Array, entries: Entries) -> jax.Array:
        """Predictions: probabilities of two classes, [rows, 2], or numbers, [rows]."""
        return self._loss.predict(self.model.score(dense, rows, x, entries))

    def update(self, state: TableState, gradient: dict[str, Matrix], run: Run) -> TableState:
        """The next state.  ``gradient``: sums for the dense parameters; ``run``: those for the table, by key."""
        state.table.update(run)
        dense = {d.name: d.block.rule.update(state.dense[d.name], gradient[d.name]) for d in self.dense}
        return TableState(dense, state.table)
