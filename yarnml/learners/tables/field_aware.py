"""A field-aware factorisation machine: a pair's weight is the product of each key's factors for the other's column.

Juan et al., "Field-aware Factorization Machines for CTR Prediction", RecSys 2016.
"""

import jax
import jax.numpy as jnp

from yarnml.data.schema import Schema
from yarnml.job.learners import FieldAware
from yarnml.learners.tables.base import DenseBlock, Entries, TableLearner, sums_by_row
from yarnml.learners.tables.fields import fields_of
from yarnml.learners.tables.losses import loss_of
from yarnml.learners.tables.sparse_linear import LinearModel
from yarnml.sparse.block import Block
from yarnml.sparse.rules import rule_of


class FieldAwareModel:
    """A linear model, plus Σ over pairs of entries of the product of their factors for each other's field, and values.

    The sums of a row's entries by field are enough for it: with S[f, g] the sum over field f of the factors for g, the
    pairs of two fields give S[f, g] · S[g, f], and those within a field half of S[f, f]² without the entries' squares.
    """

    def __init__(self, schema: Schema, options: FieldAware) -> None:
        self._fields = fields_of(schema)
        self._rank = options.rank
        self._linear = LinearModel(schema.width, rule_of(options.optimizer))
        width = self._fields * options.rank
        self.blocks: tuple[Block, ...] = (
            *self._linear.blocks,
            Block("factors", width, rule_of(options.factors), options.initial),
        )
        self.dense: tuple[DenseBlock, ...] = self._linear.dense

    def score(
        self, dense: dict[str, jax.Array], rows: dict[str, jax.Array], x: jax.Array, entries: Entries
    ) -> jax.Array:
        count = x.shape[0]
        sums = entries.sums_by_field(rows["factors"], count, self._fields)
        sums = sums.reshape(count, self._fields, self._fields, self._rank)
        own = entries.weighted(rows["factors"]).reshape(-1, self._fields, self._rank)
        own = jnp.take_along_axis(own, entries.field[:, None, None], axis=1)[:, 0]
        squares = sums_by_row(jnp.sum(jnp.square(own), axis=1), entries.row, count)
        pairs = 0.5 * (jnp.einsum("rfgk,rgfk->r", sums, sums) - squares)
        return self._linear.score(dense, rows, x, entries) + pairs


def build(options: FieldAware, schema: Schema) -> TableLearner:
    return TableLearner(FieldAwareModel(schema, options), *loss_of(options, schema), options)
