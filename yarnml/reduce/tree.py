"""The fixed reduction tree: why a sum never depends on which worker computed what.

Floating-point addition is not associative, so the order of additions is part of the result.  Here that order is
fixed by shard numbers alone: node (level, place) of the binary tree covers shards [place·2^level, (place+1)·2^level),
and its value is always *left child + right child* (or the left child alone where no shard lies under the right one).
Any process that has both children may add them; the bits are the same.  A sum of bfloat16 numbers is rounded to
bfloat16 at every node, so that is true of it, too, and every node travels in two bytes a number.  So it is with int8
and int4, whose random numbers are counted by node.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar

import ml_dtypes
import numpy as np
import numpy.typing as npt

from yarnml.reduce import blocks
from yarnml.reduce.keyed import KeyedVector
from yarnml.sparse.run import Run, merge

BFLOAT16 = np.dtype(ml_dtypes.bfloat16)

Vector = npt.NDArray[Any]


class MixedVector:
    """A vector of two types: numbers that may be rounded, and behind them those that may not, float32.

    The first are bfloat16, or blocks (`yarnml.reduce.blocks`), each of which is an element.  A run of elements of
    one type, ``mixed[low:high]``, is a plain vector, and a view.
    """

    def __init__(self, rounded: Vector, exact: Vector) -> None:
        self.rounded = rounded
        self.exact = exact

    def __len__(self) -> int:
        return len(self.rounded) + len(self.exact)

    def __getitem__(self, run: slice) -> Vector:
        before = len(self.rounded)
        if run.stop <= before:
            return self.rounded[run]
        assert run.start >= before, "a run has one type"
        return self.exact[run.start - before : run.stop - before]

    def astype(self, kind: npt.DTypeLike) -> Vector:
        """All numbers as a plain vector of one type; blocks have none."""
        return np.concatenate([self.rounded.astype(kind), self.exact.astype(kind)])


Value = Vector | MixedVector | KeyedVector
"""The value of a node: the sums over its shards."""

Chunk = Vector | Run
"""A part of a value that travels as one message, and is added up by itself."""

V = TypeVar("V", bound=Value | Run)


def pieces(value: Value | Run) -> tuple[Any, ...]:
    """The plain vectors that follow each other in a value, each of one type; a run is a piece, too."""
    if isinstance(value, KeyedVector):
        return value.dense, value.run
    return (value.rounded, value.exact) if isinstance(value, MixedVector) else (value,)


def map_pieces(function: Callable[..., Any], *values: V) -> V:
    """Apply ``function`` piece by piece to one or several values of one layout; return a value of that layout."""
    results = [function(*arguments) for arguments in zip(*map(pieces, values), strict=True)]
    kind = type(values[0])
    value: Any = kind(*results) if kind in (MixedVector, KeyedVector) else results[0]
    return value


def add(left: Chunk, right: Chunk, node: "Node") -> Chunk:
    """Add two vectors of one type, or two runs, to the value of ``node``.

    bfloat16 is added as float32 and rounded to the nearest, half-way to even.  ``left + right`` has the same bits, but
    takes longer.
    """
    if isinstance(left, Run):
        assert isinstance(right, Run), "parts of one form are added"
        return merge(left, right)
    assert not isinstance(right, Run), "parts of one form are added"
    if blocks.are_blocks(left.dtype):
        return blocks.added(left, right, *node)
    if left.dtype == BFLOAT16:
        return np.add(left, right, out=np.empty_like(left), dtype=np.float32)
    sums: Vector = left + right
    return sums


def float64_of(value: Value) -> Vector:
    """A sum over all rows of a dataset, as float64; none of those is by key."""
    assert not isinstance(value, KeyedVector), "tables learn from batches"
    return value.astype(np.float64)


def place(chunk: Chunk, total: Value, low: int, high: int) -> None:
    """Lay a chunk into a total, as its elements ``low`` … ``high`` - 1; it may be there already."""
    if isinstance(total, KeyedVector) or isinstance(chunk, Run):
        assert isinstance(total, KeyedVector), "runs belong to keyed vectors"
        total.put(low, chunk)
        return
    target = total[low:high]
    if target.ctypes.data != chunk.ctypes.data:
        target[:] = chunk


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
        """Tell whether ``other`` is this node or lies below it."""
        return self.level >= other.level and other.place >> (self.level - other.level) == self.place


def root(shards: int) -> Node:
    """The node that covers shards 0 … ``shards`` - 1."""
    return Node((shards - 1).bit_length(), 0)


class Join(Generic[V]):
    """The parts of one sum that have arrived, joined as far as the tree allows.

    Parts may come in any order, more than once, and overlap (a whole subtree after one of its leaves): equal nodes
    have equal bits, so the first delivery counts and the larger subtree replaces what lies below it.
    """

    def __init__(self, shards: int) -> None:
        self.shards = shards
        self._root = root(shards)
        self.parts: dict[Node, V] = {}

    def add(self, node: Node, value: V) -> bool:
        """Take one part in; False when it was already covered and is dropped."""
        if any(part.covers(node) for part in self.parts):
            return False
        for below in [part for part in self.parts if node.covers(part)]:
            del self.parts[below]
        while node != self._root:
            # Where no shard lies under the sibling, the parent's value is this node's, and nothing is added.
            if node.sibling.shards.start < self.shards:
                sibling = self.parts.pop(node.sibling, None)
                if sibling is None:
                    break
                left, right = (value, sibling) if node.place % 2 == 0 else (sibling, value)
                value = map_pieces(partial(add, node=node.parent), left, right)
            node = node.parent
        self.parts[node] = value
        return True

    @property
    def total(self) -> V | None:
        """The sum over all shards, or None while parts are missing."""
        return self.parts.get(self._root)

    @property
    def missing_shards(self) -> list[int]:
        """The shards that no part covers yet, in order."""
        return [s for s in range(self.shards) if not any(s in node.shards for node in self.parts)]


def combine(leaves: Mapping[int, V], shards: int) -> dict[Node, V]:
    """Add up one worker's values (shard → value) into the fewest subtrees: the combiner of MapReduce."""
    join = Join[V](shards)
    for shard, value in leaves.items():
        join.add(Node(0, shard), value)
    return join.parts


def sum_of(leaves: Mapping[int, V], shards: int) -> V:
    """Add up one worker's values (shard → value) in the order of the tree, and what the tree leaves apart, too."""
    first, *rest = [value for _, value in sorted(combine(leaves, shards).items())]
    for value in rest:
        first = map_pieces(partial(add, node=root(shards)), first, value)
    return first
