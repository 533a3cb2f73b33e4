"""A language model: a transformer that predicts each piece of a text from those before it.

Radford et al., "Language Models are Unsupervised Multitask Learners", 2019, but small.  Embeddings of pieces are the
weights of the last layer, too: Press and Wolf, "Using the Output Embedding to Improve Language Models", EACL 2017.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from yarnml.data.schema import Schema
from yarnml.job.learners import Transformer
from yarnml.job.prepare import PADDING, UNKNOWN, Pieces
from yarnml.learners.base import Key, flat
from yarnml.learners.networks.blocks import init_block, init_norm, normalised, through_blocks
from yarnml.learners.networks.network import Between, unchanged
from yarnml.learners.networks.vocabularies import Vocabularies

CODE_POINT = 21 * math.log(2.0)
"""The loss of naming a character, of all that there are, which no piece stands for."""


class LanguageLayers:
    """A transformer over the pieces of a text, cut into windows of ``context`` places: x [rows, length] → [rows, 3].

    The outputs of a row: its mean loss for each piece, the share of its pieces that have the highest probability, and
    its bytes for each piece.  Behind a text's last piece is its end, which counts as a piece, but where it was cut off.
    In a window each place sees the piece before its own, and those before it in the window.

    ``bytes_of``: of each id of a piece.
    """

    def __init__(self, options: Transformer, vocabulary: Vocabularies, bytes_of: list[int]) -> None:
        self._options = options
        self._vocabulary = vocabulary
        self._context = options.context or vocabulary.width
        self._bytes_of = np.array(bytes_of, np.float32)

    def init(self, key: Key) -> Any:
        wide = self._options.embedding
        words, positions, *blocks = jax.random.split(key, 2 + self._options.blocks)
        return {
            self._vocabulary.name: self._vocabulary.init(words, wide),
            "positions": jax.random.normal(positions, (self._context, wide)) / jnp.sqrt(float(wide)),
            "blocks": [init_block(block, wide) for block in blocks],
            "norm": init_norm(wide),
        }

    def outputs(self, parameters: Any, x: jax.Array, between: Between = unchanged) -> jax.Array:
        x = flat(x)
        ids = self._vocabulary.ids(x)
        before = jnp.pad(x, ((0, 0), (1, 0)), constant_values=PADDING)[:, :-1]
        logits = self._logits(parameters, before, between)
        ends = ids == PADDING
        counts = ~jnp.pad(jnp.cumsum(ends, axis=1) > 0, ((0, 0), (1, 0)))[:, :-1]  # all up to the first end
        pieces = jnp.sum(counts, axis=1, dtype=jnp.float32)
        loss = jax.nn.logsumexp(logits, axis=2) - jnp.take_along_axis(logits, ids[:, :, None], axis=2)[:, :, 0]
        loss = loss + jnp.where(ids == UNKNOWN, CODE_POINT, 0.0)
        is_right = (jnp.argmax(logits, axis=2) == ids).astype(jnp.float32)
        size = jnp.take(jnp.asarray(self._bytes_of), ids, axis=0)
        facts = [jnp.sum(jnp.where(counts, fact, 0.0), axis=1) / pieces for fact in (loss, is_right, size)]
        return jnp.stack(facts, axis=1)

    def _logits(self, parameters: Any, before: jax.Array, between: Between) -> jax.Array:
        """The logits of each place's piece, float32 [rows, length, ids], by the pieces ``before`` it."""
        words, _ = self._vocabulary.look_up(parameters[self._vocabulary.name], before)
        _, length, wide = words.shape
        windows = words.reshape(-1, length // self._context, self._context, wide)
        x = between(windows + parameters["positions"], 0)
        causal = jnp.tril(jnp.ones((1, 1, self._context, self._context), bool))
        x = through_blocks(parameters["blocks"], x, causal, self._options.heads, between)
        x = normalised(parameters["norm"], x).reshape(-1, length, wide)
        return x @ parameters[self._vocabulary.name].T


def language_layers(options: Transformer, schema: Schema) -> LanguageLayers:
    """The layers of a language model of a schema's one column of text."""
    step = schema.features[0].steps[-1]
    assert isinstance(step, Pieces)
    of_pieces = [len(piece.encode()) for piece in step.values or ()]
    return LanguageLayers(options, Vocabularies(schema, "transformer"), [0, 1, *of_pieces])
