"""A learner's sums as a flat vector, which can be added up whatever it means, and back.

With gradients that travel in fewer bytes it is a `yarnml.reduce.tree.MixedVector`: to bfloat16 they are rounded on the
device, so that half the bytes leave it; what else makes them smaller does so on the host (`yarnml.worker.compression`).
The loss, the weight and the statistics behind them stay float32.
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
from yarnml.reduce import blocks, top_k
from yarnml.reduce.keyed import KeyedVector
from yarnml.reduce.tree import BFLOAT16, MixedVector, Value, Vector, float64_of, pieces

FLOAT32 = np.dtype(np.float32)


class Flattening:
    """The way between sums of one form and flat vectors.

    ``like``: a pytree of the sums' shapes and types.
    ``gradients``: the type that gradients have in the vector; float32 or, for those of gradient descent, another one.
    """

    def __init__(self, like: Sums, gradients: Gradients = "float32") -> None:
        self._leaves, self._structure = jax.tree.flatten(like)
        kind = np.dtype(np.float64) if any(leaf.dtype == np.float64 for leaf in self._leaves) else FLOAT32
        # For each piece of the vector: the leaves that lie in it, and the type that it has on the device.
        self._pieces = [(slice(None), kind)]
        if gradients != "float32":
            assert isinstance(like, gradient.Sums), "the job file is refused where its learner has no gradients"
            count = len(jax.tree.leaves(like.gradient))  # they come first
            kind = BFLOAT16 if gradients == "bfloat16" else FLOAT32
            self._pieces = [(slice(count), kind), (slice(count, None), FLOAT32)]

    def flat(self, sums: Sums) -> list[jax.Array]:
        """The pieces of the vector, one for each type; to be compiled."""
        leaves = [leaf.reshape(-1) for leaf in jax.tree.leaves(sums)]
        return [jnp.concatenate([leaf.astype(kind) for leaf in leaves[which]]) for which, kind in self._pieces]

    def sums(self, flat: list[jax.Array]) -> Sums:
        """Cut a flat vector into sums again; to be compiled."""
        cut = [_cut(piece, self._leaves[which]) for piece, (which, _) in zip(flat, self._pieces, strict=True)]
        return jax.tree.unflatten(self._structure, chain.from_iterable(cut))

    def on_host(self, value: Value) -> Sums:
        """Cut a vector on the host, which is used up, into sums in float64."""
        is_usable = isinstance(value, np.ndarray) and value.dtype == np.float64 and value.flags.writeable
        vector = np.asarray(value) if is_usable else float64_of(value)
        leaves = []
        end = 0
        for leaf in self._leaves:
            begin, end = end, end + math.prod(leaf.shape)
            leaves.append(vector[begin:end].reshape(leaf.shape))
        return jax.tree.unflatten(self._structure, leaves)

    def from_device(self, flat: list[jax.Array]) -> Value:
        """The vector on the host, read-only, in the device's memory order."""
        arrays = [np.asarray(piece) for piece in flat]
        return MixedVector(*arrays) if len(arrays) > 1 else arrays[0]

    def to_device(self, value: Value) -> list[Any]:
        """A vector on the host, as `sums` takes it; float64 is rounded where the sums are float32."""
        if isinstance(value, KeyedVector):  # gradients by key, which are the first piece of all others
            return [top_k.numbers_of(value.run, self._length(0)), value.dense]
        return [
            blocks.numbers_of(piece, self._length(number))
            if blocks.are_blocks(piece.dtype)
            else piece.astype(kind, copy=False)
            for number, (piece, (_, kind)) in enumerate(zip(pieces(value), self._pieces, strict=True))
        ]

    def _length(self, number: int) -> int:
        """The numbers of a piece."""
        which, _ = self._pieces[number]
        return sum(math.prod(leaf.shape) for leaf in self._leaves[which])


def joined(sums: Sums) -> Vector:
    """The arrays of sums on the host as one vector: the whole that they were cut out of, if they were, else a copy."""
    parts = [np.ravel(leaf) for leaf in jax.tree.leaves(sums) if np.size(leaf)]
    ends = np.cumsum([part.nbytes for part in parts])
    whole = parts[0].base
    if whole is None or whole.nbytes != ends[-1] or any(part.base is not whole for part in parts):
        return np.concatenate(parts)
    begin = whole.ctypes.data
    in_order = all(part.ctypes.data + part.nbytes == begin + end for part, end in zip(parts, ends, strict=True))
    return whole if in_order else np.concatenate(parts)


def _cut(flat: jax.Array, forms: list[Any]) -> list[jax.Array]:
    """Cut a vector into arrays of these shapes and types, one after another."""
    ends = np.cumsum([math.prod(form.shape) for form in forms])
    parts = jnp.split(flat, ends[:-1])
    return [part.reshape(form.shape).astype(form.dtype) for part, form in zip(parts, forms, strict=True)]
