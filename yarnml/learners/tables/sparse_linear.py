"""A linear model with a weight for every key, and for every number of a row."""

import jax

from yarnml.data.schema import Schema
from yarnml.job.learners import SparseLinear
from yarnml.learners.tables.base import DenseBlock, Entries, TableLearner
from yarnml.learners.tables.losses import loss_of
from yarnml.sparse.block import Block
from yarnml.sparse.rules import RowRule, rule_of


class LinearModel:
    """Σ over the keys of a row of their weights, by their values, plus Σ over its numbers, plus a constant."""

    def __init__(self, width: int, rule: RowRule) -> None:
        self.blocks: tuple[Block, ...] = (Block("weight", 1, rule),)
        self.dense: tuple[DenseBlock, ...] = (
            DenseBlock(Block("bias", 1, rule), 1),
            DenseBlock(Block("numbers", 1, rule), width),
        )

    def score(
        self, dense: dict[str, jax.Array], rows: dict[str, jax.Array], x: jax.Array, entries: Entries
    ) -> jax.Array:
        return self.score_of_sums(dense, entries.sums(rows["weight"], x.shape[0])[:, 0], x)

    def score_of_sums(self, dense: dict[str, jax.Array], sums: jax.Array, x: jax.Array) -> jax.Array:
        return sums + (x @ dense["numbers"] + dense["bias"])[:, 0]


def build(options: SparseLinear, schema: Schema) -> TableLearner:
    return TableLearner(LinearModel(schema.width, rule_of(options.optimizer)), *loss_of(options, schema), options)
