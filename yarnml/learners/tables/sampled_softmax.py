"""The sampled softmax: a row's own item is told from those of other rows of its batch, its negatives.

An item comes as a negative as often as it comes at all, so the logarithm of how often it came is taken off its score:
Bengio and Senécal, "Quick Training of Probabilistic Neural Nets by Importance Sampling", AISTATS 2003; Yi et al.,
"Sampling-Bias-Corrected Neural Modeling for Large Corpus Item Recommendations", RecSys 2019.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from yarnml.learners.base import Batch


class Pairs(NamedTuple):
    """The query and the item of every row.

    ``query``, ``item``: float32 [rows, vector].
    ``number``: int32 [rows], equal for the same item within a batch; below 0 for a row without one.
    ``count``: float32 [rows], how often the item came in earlier steps; the derivative of a loss by it is what is
    added to it.
    """

    query: Any
    item: Any
    number: Any
    count: Any


class SampledSoftmax:
    """-log of the softmax of a row's own item, among those of its block of rows.

    A block has ``negatives`` + 1 rows at most, and the blocks of a batch are as long as each other, so memory grows
    with the rows and not with their square.  Neighbours in the batch are in different blocks, since rows in stored
    order may be sorted.  Rows with the same item are no negatives of each other.  Rows without a weight, and those
    without an item, are no negatives either; the loss of the latter is 0.
    """

    def __init__(self, negatives: int, temperature: float) -> None:
        self._block = negatives + 1
        self._temperature = temperature

    def loss(self, score: Pairs, batch: Batch) -> jax.Array:
        rows = batch.weight.shape[0]
        blocks = -(-rows // self._block)
        length = -(-rows // blocks)
        counts = (batch.weight > 0) & (score.number >= 0)

        def in_blocks(array: jax.Array) -> jax.Array:
            """[rows, …] → [blocks, length, …]; what is filled up counts for nothing."""
            rest = [(0, blocks * length - rows), *[(0, 0)] * (array.ndim - 1)]
            return jnp.pad(array, rest).reshape(length, blocks, *array.shape[1:]).swapaxes(0, 1)

        pairs = Pairs(*(in_blocks(jnp.asarray(array)) for array in score))
        losses = jax.vmap(self._loss_of_block)(pairs, in_blocks(counts))
        by_row = jnp.where(score.number >= 0, losses.swapaxes(0, 1).reshape(-1)[:rows], 0.0)
        return by_row + _counted(score.count, counts, batch.weight)

    def _loss_of_block(self, pairs: Pairs, counts: jax.Array) -> jax.Array:
        """The loss of every row [length]."""
        often = jnp.log1p(jax.lax.stop_gradient(pairs.count))
        scores = pairs.query @ pairs.item.T / self._temperature - often
        is_own = jnp.eye(len(counts), dtype=bool)
        is_negative = counts & (pairs.number[:, None] != pairs.number)
        among = jnp.where(is_own | is_negative, scores, -jnp.inf)
        return jax.nn.logsumexp(among, axis=1) - jnp.diagonal(scores)

    def predict(self, score: Pairs) -> jax.Array:
        """The product of the two vectors of every row, [rows]."""
        return jnp.sum(score.query * score.item, axis=1)


def _counted(count: jax.Array, counts: jax.Array, weight: jax.Array) -> jax.Array:
    """A loss of 0 [rows], whose derivative by a count is 1 for each row that counts, whatever its weight."""
    share = jnp.where(counts, 1 / jnp.where(counts, weight, 1.0), 0.0)
    return share * (count - jax.lax.stop_gradient(count))
