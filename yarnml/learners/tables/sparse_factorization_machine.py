"""A factorisation machine on keys: a linear model in which every pair has a weight, the product of two rows' factors.

Rendle, "Factorization Machines", ICDM 2010, as `yarnml.learners.ratings.factorization_machine`, but with a row for
every key.  Numbers of a row take part in pairs as keys do.
"""

import jax
import jax.numpy as jnp

from yarnml.data.schema import Schema
from yarnml.job.learners import SparseFactorizationMachine
from yarnml.learners.tables.base import DenseBlock, Entries, TableLearner, sums_by_row
from yarnml.learners.tables.losses import loss_of
from yarnml.learners.tables.sparse_linear import LinearModel
from yarnml.sparse.block import Block
from yarnml.sparse.rules import rule_of


class FactorizationMachineModel:
    """A linear model, plus Σ over pairs of entries of the product of their factors and values."""

    def __init__(self, width: int, options: SparseFactorizationMachine) -> None:
        self._linear = LinearModel(width, rule_of(options.optimizer))
        rule = rule_of(options.factors)
        self.blocks: tuple[Block, ...] = (*self._linear.blocks, Block("factors", options.rank, rule, options.initial))
        numbers = Block("number_factors", options.rank, rule, options.initial)
        self.dense: tuple[DenseBlock, ...] = (*self._linear.dense, DenseBlock(numbers, width))

    def score(
        self, dense: dict[str, jax.Array], rows: dict[str, jax.Array], x: jax.Array, entries: Entries
    ) -> jax.Array:
        own = entries.weighted(rows["factors"])
        factors = dense["number_factors"]
        total = sums_by_row(own, entries.row, x.shape[0]) + x @ factors
        squares = sums_by_row(own * own, entries.row, x.shape[0]) + jnp.square(x) @ jnp.square(factors)
        pairs = 0.5 * jnp.sum(jnp.square(total) - squares, axis=1)
        return self._linear.score(dense, rows, x, entries) + pairs


def build(options: SparseFactorizationMachine, schema: Schema) -> TableLearner:
    return TableLearner(FactorizationMachineModel(schema.width, options), *loss_of(options, schema), options)
