"""What a worker holds of its shards from one pass to the next, for a learner that holds something.

It can be worked out anew at any time, so what finds no room is not kept.  A shard that is kept stays: with one that is
used once in every pass, giving its room to another would only change which of them is missing.
"""

from collections.abc import Iterable

import jax

from yarnml.learners.base import Held


class ShardCache:
    """Held things by shard, of at most ``limit`` bytes in all."""

    def __init__(self) -> None:
        self._mine: frozenset[int] = frozenset()
        self._limit = 0
        self._kept: dict[int, Held] = {}

    def serve(self, shards: Iterable[int], limit: int) -> None:
        """Keep these shards from here on; those of others are computed once, if at all."""
        self._mine, self._limit = frozenset(shards), limit
        self._kept = {shard: held for shard, held in self._kept.items() if shard in self._mine}

    def take(self, shard: int) -> Held | None:
        """What is held of a shard, to be given back changed."""
        return self._kept.pop(shard, None)

    def keep(self, shard: int, held: Held) -> None:
        """Hold this for the next pass, if there is room."""
        if shard in self._mine and self.nbytes + _nbytes(held) <= self._limit:
            self._kept[shard] = held

    def clear(self) -> None:
        """The state is another one."""
        self._kept.clear()

    @property
    def nbytes(self) -> int:
        return sum(map(_nbytes, self._kept.values()))


def _nbytes(held: Held) -> int:
    return sum(leaf.nbytes for leaf in jax.tree.leaves(held))
