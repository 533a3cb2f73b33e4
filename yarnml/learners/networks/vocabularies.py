"""Vocabularies of texts: ids of words as rows of one table, and the mean over the words of a row.

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

    ``size``: the number of ids of all columns.
    ``width``: the number of ids in a row.
    """

    name = "words"

    def __init__(self, schema: Schema, kind: str) -> None:
        if numbers := [f.name for f in schema.features if not f.ids]:
            raise JobFileError(f"learner.kind {kind} takes ids of words, but column '{numbers[0]}' holds numbers.")
        counts = [f.ids for f in schema.features]
        widths = [f.width for f in schema.features]
        self.size = sum(counts)
        self.width = schema.width
        self._count = np.repeat(counts, widths).astype(np.float32)
        self._first = np.repeat(np.cumsum([0, *counts[:-1]]), widths).astype(np.int32)

    def init(self, key: Key, numbers: int) -> jax.Array:
        """A table [size, numbers], normal with variance 1/numbers."""
        return jax.random.normal(key, (self.size, numbers)) / jnp.sqrt(float(numbers))

    def ids(self, x: jax.Array) -> jax.Array:
        """The ids of a row's words, each of its own column: x [rows, *shape] → int32 [rows, width]."""
        x = flat(x)
        known = (x >= 0) & (x < self._count) & (x == jnp.floor(x))
        return jnp.where(known, x, float(UNKNOWN)).astype(jnp.int32)

    def look_up(self, table: jax.Array, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Look up the embeddings of words: [rows, width, numbers], and bool [rows, width], true for a word.

        x [rows, *shape].  A number that is no id of its column is an unknown word.
        """
        ids = self.ids(x)
        return jnp.take(table, ids + self._first, axis=0, mode="clip"), ids != PADDING


def mean_of_words(x: jax.Array, is_word: jax.Array) -> jax.Array:
    """The mean over the words of every row, 0 without words: x [rows, words, numbers] → [rows, numbers].

    ``is_word`` [rows, words]: false for the padding behind a text.
    """
    total = jnp.sum(jnp.where(is_word[:, :, None], x, 0.0), axis=1)
    return total / jnp.maximum(jnp.sum(is_word, axis=1, dtype=x.dtype), 1.0)[:, None]
