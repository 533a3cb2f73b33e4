"""A learner's sums as a flat vector, which can be added up whatever it means, and back.

With bfloat16 gradients it is a `yarnml.reduce.tree.MixedVector`: they are rounded on the device, so that half the
bytes leave it, and the loss, the weight and the statistics behind them stay float32.
"""

import math
from itertools import chain
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from yarnml.job.spec import Gradients
from yarnml.learners import gradient
from yarnml.learners.base import Sums
from yarnml.reduce.tree import BFLOAT16, MixedVector, Value, pieces

FLOAT32 = np.dtype(np.float32)


class Flattening:
    """The way between sums of one form and flat vectors.

    ``like``: a pytree of the sums' shapes and types.
    ``gradients``: the type that gradients have in the vector; bfloat16 is for those of gradient descent.
    """

    def __init__(self, like: Sums, gradients: Gradients = "float32") -> None:
        self._leaves, self._structure = jax.tree.flatten(like)
        kind = np.dtype(np.float64) if any(leaf.dtype == np.float64 for leaf in self._leaves) else FLOAT32
        self._pieces = [(slice(None), kind)]  # for each piece of the vector: the leaves that lie in it, and its type
        if gradients == "bfloat16":
            assert isinstance(like, gradient.Sums), "the job file is refused where its learner has no gradients"
            count = len(jax.tree.leaves(like.gradient))  # they come first
            self._pieces = [(slice(count), BFLOAT16), (slice(count, None), FLOAT32)]

    def flat(self, sums: Sums) -> list[jax.Array]:
        """The pieces of the vector, one for each type; to be compiled."""
        leaves = [leaf.reshape(-1) for leaf in jax.tree.leaves(sums)]
        return [jnp.concatenate([leaf.astype(kind) for leaf in leaves[which]]) for which, kind in self._pieces]

    def sums(self, flat: list[jax.Array]) -> Sums:
        """Cut a flat vector into sums again; to be compiled."""
        cut = [_cut(piece, self._leaves[which]) for piece, (which, _) in zip(flat, self._pieces, strict=True)]
        return jax.tree.unflatten(self._structure, chain.from_iterable(cut))

    def from_device(self, flat: list[jax.Array]) -> Value:
        """The vector on the host, read-only, in the device's memory order."""
        arrays = [np.asarray(piece) for piece in flat]
        return MixedVector(*arrays) if len(arrays) > 1 else arrays[0]

    def to_device(self, value: Value) -> list[Any]:
        """A vector on the host, as `sums` takes it; float64 is rounded where the sums are float32."""
        kinds = [kind for _, kind in self._pieces]
        return [piece.astype(kind, copy=False) for piece, kind in zip(pieces(value), kinds, strict=True)]


def _cut(flat: jax.Array, forms: list[Any]) -> list[jax.Array]:
    """Cut a vector into arrays of these shapes and types, one after another."""
    ends = np.cumsum([math.prod(form.shape) for form in forms])
    parts = jnp.split(flat, ends[:-1])
    return [part.reshape(form.shape).astype(form.dtype) for part, form in zip(parts, forms, strict=True)]
