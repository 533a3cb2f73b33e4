"""A shard in the order of one epoch, block by block: one block is in memory while the next one is read."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from threading import Thread
from typing import NamedTuple

import numpy as np

from yarnml.data.arrays import Places
from yarnml.data.sampling import BLOCKS_SEED, ROWS_SEED, shuffled
from yarnml.data.schema import Rows
from yarnml.data.shards import Piece, blocks

Run = list[Piece]

READ_THREAD = "next-block"
"""The name of the threads that read ahead."""


class EpochOrder(NamedTuple):
    """All that decides the order of a shard's rows in one epoch."""

    seed: int
    epoch: int
    shuffle_rows: int


class _Block(NamedTuple):
    """A block in memory: its number, its rows, and their shuffled order."""

    number: int
    rows: Rows
    order: Places

    @property
    def nbytes(self) -> int:
        return self.rows.nbytes + self.order.nbytes


NO_BLOCK = _Block(-1, Rows.of([np.empty(0, np.float32)] * 3, None), np.empty(0, np.int64))


class ShuffledShard:
    """The blocks of one shard: ``runs`` of its pieces, of at most ``shuffle_rows`` rows or one piece each.

    Not safe for use by several threads.

    ``shard``: its number.
    ``read``: gives the rows of a run, on any thread.
    ``is_cached``: tells whether a run is in memory, so that reading it ahead would save nothing.
    """

    def __init__(
        self,
        pieces: Sequence[Piece],
        shard: int,
        order: EpochOrder,
        read: Callable[[Run], Rows],
        is_cached: Callable[[Run], bool],
    ) -> None:
        self._shard = shard
        self._order = order
        self._read = read
        self._is_cached = is_cached
        self.runs = blocks(pieces, order.shuffle_rows, [order.seed, BLOCKS_SEED, order.epoch, shard])
        self._block = NO_BLOCK
        self._next_rows: Future[Rows] | None = None

    @property
    def nbytes(self) -> int:
        """Bytes of the block in memory, and of the next one where it has been read."""
        ahead = self._next_rows
        is_read = ahead is not None and ahead.done() and not ahead.exception()
        return self._block.nbytes + (ahead.result().nbytes if ahead and is_read else 0)

    def block(self, number: int) -> tuple[Rows, Places]:
        """The rows of a block, and their shuffled order."""
        if number != self._block.number:
            ahead = self._next_rows if number == self._block.number + 1 else None
            # Whatever comes of it, what was read ahead is used once: after an error the next call reads anew.
            self._next_rows = None
            rows = ahead.result() if ahead else self._read(self.runs[number])
            seed = [self._order.seed, ROWS_SEED, self._order.epoch, self._shard, number]
            self._block = _Block(number, rows, shuffled(len(rows.x), seed))
            if number + 1 < len(self.runs) and not self._is_cached(self.runs[number + 1]):
                self._next_rows = _read_on_thread(self._read, self.runs[number + 1])
        return self._block.rows, self._block.order


def _read_on_thread(read: Callable[[Run], Rows], run: Run) -> Future[Rows]:
    """Begin to read the rows of a run."""
    future: Future[Rows] = Future()

    def work() -> None:
        try:
            future.set_result(read(run))
        except BaseException as exc:  # it is raised where the rows are asked for
            future.set_exception(exc)

    Thread(target=work, daemon=True, name=READ_THREAD).start()
    return future
