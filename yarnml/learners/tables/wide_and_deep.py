"""Wide and deep: a linear model that knows values by heart, and a network on embeddings that generalises.

Cheng et al., "Wide & Deep Learning for Recommender Systems", DLRS 2016.
"""

import jax
import jax.numpy as jnp

from yarnml.data.schema import Schema
from yarnml.job.learners import WideAndDeep
from yarnml.learners.tables.base import DenseBlock, Entries, TableLearner
from yarnml.learners.tables.fields import fields_of
from yarnml.learners.tables.layers import DenseLayers
from yarnml.learners.tables.losses import loss_of
from yarnml.learners.tables.sparse_linear import LinearModel
from yarnml.sparse.block import Block
from yarnml.sparse.rules import rule_of


class WideAndDeepModel:
    """A linear model, plus layers on the sum of each column's embeddings and the numbers of a row."""

    def __init__(self, schema: Schema, options: WideAndDeep) -> None:
        self._fields = fields_of(schema)
        self._linear = LinearModel(schema.width, rule_of(options.optimizer))
        embedding = Block("embedding", options.width, rule_of(options.embeddings), options.initial)
        inputs = self._fields * options.width + schema.width
        self._layers = DenseLayers("layer", inputs, options.hidden, rule_of(options.layers), outputs=1)
        self.blocks: tuple[Block, ...] = (*self._linear.blocks, embedding)
        self.dense: tuple[DenseBlock, ...] = (*self._linear.dense, *self._layers.blocks)

    def score(
        self, dense: dict[str, jax.Array], rows: dict[str, jax.Array], x: jax.Array, entries: Entries
    ) -> jax.Array:
        embedded = entries.sums_by_field(rows["embedding"], x.shape[0], self._fields)
        inputs = jnp.concatenate([embedded.reshape(x.shape[0], -1), x], axis=1)
        return self._linear.score(dense, rows, x, entries) + self._layers(dense, inputs)[:, 0]


def build(options: WideAndDeep, schema: Schema) -> TableLearner:
    return TableLearner(WideAndDeepModel(schema, options), *loss_of(options, schema), options)
