"""DLRM: embeddings of columns and a vector made of the numbers, whose products in pairs go through a network.

Naumov et al., "Deep Learning Recommendation Model for Personalization and Recommendation Systems", arXiv 1906.00091,
2019.
"""

import jax
import jax.numpy as jnp
import numpy as np

from yarnml.data.schema import Schema
from yarnml.errors import JobFileError
from yarnml.job.learners import Dlrm
from yarnml.learners.tables.base import DenseBlock, Entries, TableLearner
from yarnml.learners.tables.fields import fields_of
from yarnml.learners.tables.layers import DenseLayers
from yarnml.learners.tables.losses import loss_of
from yarnml.sparse.block import Block
from yarnml.sparse.rules import rule_of


class DlrmModel:
    """Layers on the products of all pairs of vectors: one for each column of keys, and one of the numbers, if any.

    Of a column with several keys in a row, such as words, the vector is the sum of their embeddings.
    """

    def __init__(self, schema: Schema, options: Dlrm) -> None:
        self._fields = fields_of(schema)
        rule = rule_of(options.layers)
        widths = [*options.bottom, options.width]
        self._bottom = DenseLayers("bottom", schema.width, widths, rule, outputs=0) if schema.width else None
        self._pairs = np.triu_indices(self._fields + (self._bottom is not None), 1)
        inputs = len(self._pairs[0]) + (options.width if self._bottom else 0)
        self._layers = DenseLayers("layer", inputs, options.hidden, rule, outputs=1)
        self.blocks: tuple[Block, ...] = (
            Block("embedding", options.width, rule_of(options.optimizer), options.initial),
        )
        self.dense: tuple[DenseBlock, ...] = (*(self._bottom.blocks if self._bottom else ()), *self._layers.blocks)

    def score(
        self, dense: dict[str, jax.Array], rows: dict[str, jax.Array], x: jax.Array, entries: Entries
    ) -> jax.Array:
        vectors = entries.sums_by_field(rows["embedding"], x.shape[0], self._fields)
        rest = []
        if self._bottom:
            rest = [self._bottom(dense, x)]
            vectors = jnp.concatenate([vectors, rest[0][:, None]], axis=1)
        products = jnp.einsum("rfd,rgd->rfg", vectors, vectors)[:, self._pairs[0], self._pairs[1]]
        return self._layers(dense, jnp.concatenate([products, *rest], axis=1))[:, 0]


def build(options: Dlrm, schema: Schema) -> TableLearner:
    if fields_of(schema) + (schema.width > 0) < 2:
        raise JobFileError(
            "learner.kind dlrm takes products of columns, and there is one alone; add columns to data.features."
        )
    return TableLearner(DlrmModel(schema, options), *loss_of(options, schema), options)
