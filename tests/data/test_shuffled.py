"""A shard's blocks in an epoch's order: the same rows whatever order they are asked for in, the next one read early."""

from threading import Event

import numpy as np
import pytest

from yarnml.data.schema import Rows
from yarnml.data.shards import Piece
from yarnml.data.shuffled import EpochOrder, ShuffledShard
from yarnml.errors import DataError

PIECES = [Piece(0, group, 0, 10) for group in range(6)]


class Reader:
    """Gives a run's group numbers as rows; ``bad`` groups can't be read, and with ``is_cached`` they need not be."""

    def __init__(self) -> None:
        self.read: list[int] = []
        self.bad: set[int] = set()
        self.is_cached = False
        self.more = Event()

    def __call__(self, run: list[Piece]) -> Rows:
        numbers = np.repeat([float(p.group) for p in run], 10).astype(np.float32)
        self.read.append(run[0].group)
        self.more.set()
        if {p.group for p in run} & self.bad:
            raise DataError(f"group {run[0].group} is bad")
        return Rows(numbers[:, None], numbers, numbers)

    def serve(self, shuffle_rows: int = 10) -> ShuffledShard:
        return ShuffledShard(PIECES, 0, EpochOrder(1, 2, shuffle_rows), self, lambda run: self.is_cached)


def test_any_order() -> None:
    """A block has the same rows in the same order, in turn, backwards or again."""
    served = Reader().serve(20)
    other = Reader().serve(20)
    blocks = [served.block(n) for n in range(len(served.runs))]
    assert len(blocks) == 3
    for n in (2, 1, 0, 0, 1, 2):
        rows, order = other.block(n)
        assert (rows.x == blocks[n][0].x).all()
        assert (order == blocks[n][1]).all()


def test_the_next_block_is_read_early() -> None:
    """Nobody has to ask for it first, and one block ahead is enough."""
    reader = Reader()
    served = reader.serve()
    for number in range(len(served.runs) - 1):
        served.block(number)
        reader.more.clear()
        assert len(reader.read) > number + 1 or reader.more.wait(10)
        assert len(reader.read) == number + 2
    assert reader.read == [run[0].group for run in served.runs]


def test_a_cached_block_is_not_read_early() -> None:
    """A block that is in memory is had when it is asked for."""
    reader = Reader()
    reader.is_cached = True
    served = reader.serve()
    served.block(0)
    assert reader.read == [served.runs[0][0].group]
    assert served.nbytes == 10 * 3 * 4 + 10 * 8


def test_a_block_that_cannot_be_read() -> None:
    """Its error comes where it is asked for, as often as it is, and not before."""
    reader = Reader()
    served = reader.serve()
    reader.bad = {served.runs[1][0].group}
    before = served.block(0)
    for _ in range(2):
        with pytest.raises(DataError, match="is bad"):
            served.block(1)
    assert served.block(0)[0] is before[0]
    reader.bad = set()
    assert served.block(1)[0].x[0] == served.runs[1][0].group
