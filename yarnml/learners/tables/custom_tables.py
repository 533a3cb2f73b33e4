"""A user's own model with tables: ``init`` and ``score`` from a Python file, and tables that the job file declares."""

import os
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from yarnml.data.arrays import Matrix
from yarnml.data.schema import Schema
from yarnml.errors import ModelError
from yarnml.job.learners import CustomTables
from yarnml.learners.named_arrays import names_of
from yarnml.learners.networks.custom import initial_parameters
from yarnml.learners.noise import key_of
from yarnml.learners.tables.base import DenseBlock, Entries, TableLearner
from yarnml.learners.tables.losses import loss_of
from yarnml.learners.user_code import load, user_errors
from yarnml.sparse.block import Block
from yarnml.sparse.rules import rule_of

_FUNCTIONS = {
    "init": "init(key, schema) → parameters",
    "score": "score(parameters, rows, x, entries) → [rows]",
}


class UserTableModel:
    """Calls the user's functions; what they raise becomes a ModelError with their own traceback.

    Parameters are a pytree of arrays: each is a `DenseBlock`, whose rows are along all dimensions but the last.
    """

    def __init__(self, source: Any, name: str, schema: Schema, options: CustomTables) -> None:
        self._source = source
        self._name = name
        self._schema = schema
        self._first = lru_cache(maxsize=1)(self._leaves)
        parameters = initial_parameters(source, name, key_of(0), schema)
        leaves, self._structure = jax.tree.flatten(parameters)
        self._names = names_of(parameters)
        self._shapes = [leaf.shape for leaf in leaves]
        rule = rule_of(options.optimizer)
        self.blocks: tuple[Block, ...] = tuple(
            Block(table, t.width, rule_of(t.optimizer), t.initial) for table, t in options.tables.items()
        )
        self.dense: tuple[DenseBlock, ...] = tuple(
            DenseBlock(Block(leaf_name, _width(leaf.shape), rule), leaf.size // _width(leaf.shape), self._start(place))
            for place, (leaf_name, leaf) in enumerate(zip(self._names, leaves, strict=True))
        )

    def _start(self, place: int) -> Any:
        return lambda seed: self._first(seed)[place]

    def _leaves(self, seed: int) -> list[Matrix]:
        """The arrays that a training of this seed begins with, each [rows, width]."""
        parameters = initial_parameters(self._source, self._name, key_of(seed), self._schema)
        leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(parameters)]
        return [leaf.reshape(-1, _width(leaf.shape)) for leaf in leaves]

    def score(
        self, dense: dict[str, jax.Array], rows: dict[str, jax.Array], x: jax.Array, entries: Entries
    ) -> jax.Array:
        leaves = [dense[name].reshape(shape) for name, shape in zip(self._names, self._shapes, strict=True)]
        with user_errors(self._name):
            score = self._source.score(jax.tree.unflatten(self._structure, leaves), rows, x, entries)
        if not isinstance(score, jax.Array) or score.shape != x.shape[:1]:
            returned = f"shape {list(score.shape)}" if isinstance(score, jax.Array) else f"a {type(score).__name__}"
            raise ModelError(f"{self._name}: score must return one float per row, [rows], but returned {returned}.")
        return score.astype(jnp.float32)


def _width(shape: tuple[int, ...]) -> int:
    return shape[-1] if shape else 1


def build(options: CustomTables, schema: Schema) -> TableLearner:
    label = os.path.basename(options.path)
    source = load(options.path, _FUNCTIONS, "a model", options.options)
    model = UserTableModel(source, label, schema, options)
    return TableLearner(model, *loss_of(options, schema), options)
