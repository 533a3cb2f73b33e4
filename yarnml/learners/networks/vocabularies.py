"""What the learners of texts share: ids of words as rows of one table, and the mean over the words of a row.

The ids are those of `data.prepare`, kinds ``tokens`` and ``hashed_tokens``.
"""

import jax
import jax.numpy as jnp
import numpy as np

from yarnml.data.schema import Schema
from yarnml.errors import JobFileError
from yarnml.job.prepare import PADDING, UNKNOWN
from yarnml.learners.base import Key, flat


class Vocabularies:
    """The ids of all columns, each with a vocabulary of its own: one column's behind the other's.

    ``size``: of all of them.  ``width``: ids of a row.
    """

    def __init__(self, schema: Schema, kind: str) -> None:
        if numbers := [f.name for f in schema.features if not f.ids]:
            raise JobFileError(f"learner.kind {kind} takes ids of words, but column '{numbers[0]}' holds numbers.")
        counts, widths = [f.ids for f in schema.features], [f.width for f in schema.features]
        self.size, self.width = sum(counts), schema.width
        self._count = np.repeat(counts, widths).astype(np.float32)
        self._first = np.repeat(np.cumsum([0, *counts[:-1]]), widths).astype(np.int32)

    def init(self, key: Key, numbers: int) -> jax.Array:
        """A table [size, numbers], normal with variance 1/numbers."""
        return jax.random.normal(key, (self.size, numbers)) / jnp.sqrt(float(numbers))

    def look_up(self, table: jax.Array, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        """x [rows, *shape] → the embeddings [rows, width, numbers], and where there are words, bool [rows, width].

        What is no id of its column is an unknown word.
        """
        x = flat(x)
        known = (x >= 0) & (x < self._count) & (x == jnp.floor(x))
        ids = jnp.where(known, x, float(UNKNOWN)).astype(jnp.int32)
        return jnp.take(table, ids + self._first, axis=0, mode="clip"), ids != PADDING


def mean_of_words(x: jax.Array, there: jax.Array) -> jax.Array:
    """x [rows, words, numbers] → [rows, numbers]: the mean over those that are there, 0 where none is."""
    total = jnp.sum(jnp.where(there[:, :, None], x, 0.0), axis=1)
    return total / jnp.maximum(jnp.sum(there, axis=1, dtype=x.dtype), 1.0)[:, None]
