"""Dense layers for rows of numbers, categories and texts together: ids are embedded, and all goes on side by side.

Guo and Berkhahn, "Entity Embeddings of Categorical Variables", 2016, for the categories.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from msgspec.structs import replace

from yarnml.data.schema import Schema
from yarnml.job.prepare import PADDING, UNKNOWN, Embedding
from yarnml.learners.base import Key, flat
from yarnml.learners.networks.network import Between, dense, init_dense, unchanged
from yarnml.learners.networks.vocabularies import Vocabularies, mean_of_words


class MixedLayers:
    """Dense layers on a row's numbers and, for each column of ids, the mean of its embeddings: → [rows, widths[-1]].

    An unknown category begins as 0, and learns where rare values of the training data are unknown, too.

    ``embedding``: numbers of an id.  ``widths``: of the layers behind the inputs.
    """

    def __init__(self, schema: Schema, embedding: int, widths: Sequence[int], *, normalized: bool) -> None:
        coded = [f for f in schema.features if f.ids]
        self._vocabularies = Vocabularies(replace(schema, features=tuple(coded)), "mlp")
        self._embedding = embedding
        is_id = np.repeat([f.ids > 0 for f in schema.features], [f.width for f in schema.features])
        self._ids = np.flatnonzero(is_id)
        self._numbers = np.flatnonzero(~is_id)
        self._ends = np.cumsum([f.width for f in coded])
        self._is_unknown = _unknown_categories(coded)
        self._widths = [len(self._numbers) + embedding * len(coded), *widths]
        self._normalized = normalized

    def init(self, key: Key) -> Any:
        first, second = jax.random.split(key)
        table = self._vocabularies.init(first, self._embedding)
        table = jnp.where(self._is_unknown[:, None], 0.0, table)
        return {"embeddings": table, "dense": init_dense(second, self._widths, self._normalized)}

    def outputs(self, parameters: Any, x: jax.Array, between: Between = unchanged) -> jax.Array:
        x = flat(x)
        vectors, is_word = self._vocabularies.look_up(parameters["embeddings"], x[:, self._ids])
        starts = [0, *self._ends[:-1]]
        means = [
            mean_of_words(vectors[:, low:high], is_word[:, low:high])
            for low, high in zip(starts, self._ends, strict=True)
        ]
        return dense(parameters["dense"], jnp.concatenate([x[:, self._numbers], *means], axis=1), between)


def _unknown_categories(coded: Sequence[Any]) -> Any:
    """bool [ids of all columns]: true for what stands for the unknown values of a category, and for nothing at all."""
    parts = []
    for feature in coded:
        ids = np.arange(feature.ids)
        parts.append((ids <= UNKNOWN) & isinstance(feature.steps[-1], Embedding) | (ids == PADDING))
    return np.concatenate(parts)
