"""Two towers: a network makes a vector of a query, another one of an item; what suits it best has the largest product.

Yi et al., "Sampling-Bias-Corrected Neural Modeling for Large Corpus Item Recommendations", RecSys 2019.
"""

from collections.abc import Set

import jax
import jax.numpy as jnp
import numpy as np

from yarnml.data.crosses import crosses_of
from yarnml.data.schema import Schema
from yarnml.errors import JobFileError
from yarnml.job.learners import Count, TwoTower
from yarnml.learners.tables.base import DenseBlock, Entries, TableLearner
from yarnml.learners.tables.layers import DenseLayers
from yarnml.learners.tables.sampled_softmax import Pairs, SampledSoftmax
from yarnml.sparse.block import Block
from yarnml.sparse.rules import rule_of
from yarnml.sparse.towers import COUNT, EMBEDDING, SMALLEST_LENGTH


class Tower:
    """Layers on the sum of each column's embeddings and on numbers of a row, to a vector of length 1.

    ``names``: its columns, of the schema's features.
    """

    def __init__(self, name: str, names: Set[str], schema: Schema, options: TwoTower) -> None:
        self.fields = np.array([n for n, columns in enumerate(_fields(schema)) if names >= {*columns}], np.int32)
        of_numbers = np.repeat([f.name in names for f in schema.numbers], [f.width for f in schema.numbers])
        self.numbers = np.flatnonzero(of_numbers)
        inputs = len(self.fields) * options.width + len(self.numbers)
        self._layers = DenseLayers(name, inputs, options.hidden, rule_of(options.layers), options.vector)

    @property
    def blocks(self) -> tuple[DenseBlock, ...]:
        return self._layers.blocks

    def __call__(self, dense: dict[str, jax.Array], embedded: jax.Array, x: jax.Array) -> jax.Array:
        """[rows, vector].  ``embedded``: float32 [rows, fields, width]."""
        own = embedded[:, self.fields].reshape(x.shape[0], -1)
        vector = self._layers(dense, jnp.concatenate([own, x[:, self.numbers]], axis=1))
        squares = jnp.sum(vector * vector, axis=1, keepdims=True)
        return vector * jax.lax.rsqrt(jnp.maximum(squares, SMALLEST_LENGTH**2))


class TwoTowerModel:
    """A tower of all columns that tell of an item, and one of the others.

    A row of its table has an embedding, and how often the key has come as an item's id.
    """

    def __init__(self, schema: Schema, options: TwoTower) -> None:
        names = [feature.name for feature in schema.features]
        self._fields = len(_fields(schema))
        self._id = [feature.name for feature in schema.keyed].index(options.item[0])
        self._item = Tower("item", {*options.item}, schema, options)
        self._query = Tower("query", {*names} - {*options.item}, schema, options)
        self.blocks: tuple[Block, ...] = (
            Block(EMBEDDING, options.width, rule_of(options.optimizer), options.initial),
            Block(COUNT, 1, rule_of(Count())),
        )
        self.dense: tuple[DenseBlock, ...] = (*self._query.blocks, *self._item.blocks)

    def score(self, dense: dict[str, jax.Array], rows: dict[str, jax.Array], x: jax.Array, entries: Entries) -> Pairs:
        embedded = entries.sums_by_field(rows[EMBEDDING], x.shape[0], self._fields)
        # Padding belongs to no row, so it is in no maximum.
        is_id = entries.field == self._id
        number = jax.ops.segment_max(jnp.where(is_id, entries.index, -1), entries.row, x.shape[0])
        count = jnp.take(rows[COUNT][:, 0], jnp.maximum(number, 0), mode="clip")
        return Pairs(self._query(dense, embedded, x), self._item(dense, embedded, x), number, count)


def _fields(schema: Schema) -> list[tuple[str, ...]]:
    """The columns of each field: one, or those of a cross."""
    return [*((feature.name,) for feature in schema.keyed), *crosses_of(schema)]


def build(options: TwoTower, schema: Schema) -> TableLearner:
    names = [feature.name for feature in schema.features]
    items = {*options.item}
    if unknown := [name for name in options.item if name not in names]:
        raise JobFileError(f"learner.item: '{unknown[0]}' is none of the features ({', '.join(names)}).")
    if items >= {*names}:
        raise JobFileError("learner.item names all features, and none is left for the query; leave out its columns.")
    if options.item[0] not in [feature.name for feature in schema.keyed]:
        raise JobFileError(
            f"learner.item begins with the id of an item, and '{options.item[0]}' becomes no keys; name it in a key "
            "step's columns."
        )
    for cross in crosses_of(schema):
        if items & {*cross} and not items >= {*cross}:
            raise JobFileError(
                f"data.prepare crosses {' and '.join(cross)}, of which some are learner.item and some are not; a "
                "tower sees its own columns alone."
            )
    return TableLearner(
        TwoTowerModel(schema, options), SampledSoftmax(options.negatives, options.temperature), None, options
    )
