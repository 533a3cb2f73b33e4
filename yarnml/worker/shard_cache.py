"""Cache of a shard learner: the form in which it holds the worker's shards from one pass to the next.

It can be worked out anew at any time, so a shard that finds no room is not kept.  One that is kept stays: every
shard is used once in every pass, so giving its room to another would only change which of them is missing.
"""

from collections.abc import Iterable
from typing import NamedTuple

import jax

from yarnml.learners.base import ShardState


class _Held(NamedTuple):
    """A shard that is held, and its bytes, which are counted once: every pass asks for those of all shards."""

    state: ShardState
    nbytes: int


class ShardCache:
    """Held forms by shard, together of at most the bytes that `serve` allows."""

    def __init__(self) -> None:
        self._shards: frozenset[int] = frozenset()
        self._max_bytes = 0
        self._held: dict[int, _Held] = {}

    def serve(self, shards: Iterable[int], max_bytes: int) -> None:
        """Keep these shards from here on, the worker's own: that of another worker is computed once, if at all."""
        self._shards = frozenset(shards)
        self._max_bytes = max_bytes
        self._held = {shard: held for shard, held in self._held.items() if shard in self._shards}

    def take(self, shard: int) -> ShardState | None:
        """Take out the held form of a shard, to be given back changed; None where there is none."""
        held = self._held.pop(shard, None)
        return held.state if held else None

    def keep(self, shard: int, held: ShardState) -> None:
        """Hold a shard for the next pass, if there is room."""
        if shard not in self._shards:
            return
        nbytes = sum(leaf.nbytes for leaf in jax.tree.leaves(held))
        if self.nbytes + nbytes <= self._max_bytes:
            self._held[shard] = _Held(held, nbytes)

    def clear(self) -> None:
        """Forget all: the learner has another state."""
        self._held.clear()

    @property
    def nbytes(self) -> int:
        return sum(held.nbytes for held in self._held.values())
