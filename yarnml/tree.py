"""The fixed reduction tree: why the sum never depends on who computed what.

Floating-point addition is not associative, so the order of additions is part of the result.  Here that order is
fixed by shard numbers alone: node (level, place) of the binary tree covers shards [place·2^level, (place+1)·2^level),
and its value is always *left child + right child* (or the left child alone where no shard lies under the right one).
Whoever holds both children may add them; the bits are the same.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy.typing as npt

Vector = npt.NDArray[Any]


class Node(NamedTuple):
    """A subtree of the reduction tree; ``Node(0, s)`` is shard ``s`` itself."""

    level: int
    place: int

    @property
    def parent(self) -> "Node":
        return Node(self.level + 1, self.place >> 1)

    @property
    def sibling(self) -> "Node":
        return Node(self.level, self.place ^ 1)

    @property
    def shards(self) -> range:
        """The shard numbers below, also those past the last shard."""
        return range(self.place << self.level, (self.place + 1) << self.level)

    def covers(self, other: "Node") -> bool:
        return self.level >= other.level and other.place >> (self.level - other.level) == self.place


def root(shards: int) -> Node:
    """The node that covers shards 0 … ``shards`` - 1."""
    return Node((shards - 1).bit_length(), 0)


class Join:
    """The parts of one sum that have arrived, joined as far as the tree allows.

    Parts may come in any order, more than once, and overlap (a whole subtree after one of its leaves): equal nodes
    have equal bits, so the first delivery counts and the larger subtree replaces what lies below it.
    """

    def __init__(self, shards: int) -> None:
        self._shards = shards
        self._root = root(shards)
        self.parts: dict[Node, Vector] = {}

    def add(self, node: Node, value: Vector) -> bool:
        """Take one part in; False when it was already covered and is dropped."""
        if any(held.covers(node) for held in self.parts):
            return False
        for below in [held for held in self.parts if node.covers(held)]:
            del self.parts[below]
        while node != self._root:
            if node.sibling.shards.start < self._shards:
                other = self.parts.pop(node.sibling, None)
                if other is None:
                    break
                value = value + other if node.place % 2 == 0 else other + value
            node = node.parent
        self.parts[node] = value
        return True

    @property
    def total(self) -> Vector | None:
        """The sum over all shards, or None while parts are missing."""
        return self.parts.get(self._root)

    @property
    def missing(self) -> list[int]:
        """The shards that no part covers yet, in order."""
        return [s for s in range(self._shards) if not any(s in node.shards for node in self.parts)]


def combine(leaves: Mapping[int, Vector], shards: int) -> dict[Node, Vector]:
    """Add up what one worker holds (shard → vector) into the fewest subtrees: the combiner of MapReduce."""
    join = Join(shards)
    for shard, vector in leaves.items():
        join.add(Node(0, shard), vector)
    return join.parts


def assign(shards: int, workers: Iterable[int]) -> dict[int, list[int]]:
    """Contiguous runs of shards for each worker, as even as they go: few subtrees each, so little to send."""
    members = list(workers)
    n = len(members)
    return {w: list(range(i * shards // n, (i + 1) * shards // n)) for i, w in enumerate(members)}
