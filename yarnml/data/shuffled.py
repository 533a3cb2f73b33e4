"""A shard in the order of one epoch, block by block: the newest block is held, the next one is read meanwhile."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from threading import Thread

import numpy as np
import numpy.typing as npt

from yarnml.data.schema import Rows
from yarnml.data.shards import BLOCKS, ROWS, Piece, blocks, shuffled

Order = npt.NDArray[np.int64]
Run = list[Piece]


class ShuffledShard:
    """The blocks of shard number ``shard``, runs of its ``pieces`` of at most ``shuffle_rows`` rows or one piece.

    ``read`` gives the rows of a run, on any thread; those that are ``kept`` need no reading.  Not safe for use by
    several threads.
    """

    def __init__(
        self,
        pieces: Sequence[Piece],
        shard: int,
        seed: int,
        epoch: int,
        shuffle_rows: int,
        read: Callable[[Run], Rows],
        kept: Callable[[Run], bool],
    ) -> None:
        self._shard, self._seed, self._epoch, self._read, self._kept = shard, seed, epoch, read, kept
        self.runs = blocks(pieces, shuffle_rows, [seed, BLOCKS, epoch, shard])
        self._number, self._rows, self._order = -1, Rows(*[np.empty(0, np.float32)] * 3), np.empty(0, np.int64)
        self._next: Future[Rows] | None = None

    @property
    def nbytes(self) -> int:
        early = self._next.result().nbytes if self._next and self._next.done() and not self._next.exception() else 0
        return self._rows.nbytes + self._order.nbytes + early

    def block(self, number: int) -> tuple[Rows, Order]:
        """The rows of a block, and their shuffled order."""
        if number != self._number:
            early, self._next = self._next if number == self._number + 1 else None, None
            self._rows = early.result() if early else self._read(self.runs[number])
            self._order = shuffled(len(self._rows.x), [self._seed, ROWS, self._epoch, self._shard, number])
            self._number = number
            if number + 1 < len(self.runs) and not self._kept(self.runs[number + 1]):
                self._next = _begun(self._read, self.runs[number + 1])
        return self._rows, self._order


def _begun(read: Callable[[Run], Rows], run: Run) -> Future[Rows]:
    """The rows of a run, which are being read."""
    future: Future[Rows] = Future()

    def work() -> None:
        try:
            future.set_result(read(run))
        except BaseException as exc:  # it is raised where the rows are asked for
            future.set_exception(exc)

    Thread(target=work, daemon=True, name="next-block").start()
    return future
