"""The rows of a table in memory, block by block, each by the number of its key."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from yarnml.data.arrays import Array, Matrix
from yarnml.sparse.block import Block
from yarnml.sparse.growing import GrowingArray
from yarnml.sparse.index import Numbers
from yarnml.sparse.kernels import kernels
from yarnml.sparse.run import Keys, Run


class _Read(NamedTuple):
    """The rows that were read last: a step mostly updates those whose weights it has asked for just before."""

    numbers: Numbers
    rows: list[Matrix]


NOTHING_READ = _Read(np.full(1, -1, np.int32), [])


class BlockRows:
    """Rows as the rules of some blocks keep them: an array for each block, all equally long."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        self._blocks = tuple(blocks)
        self._arrays = [GrowingArray((block.rule.stored(block.width),), np.float32) for block in blocks]
        self._read = NOTHING_READ

    @property
    def arrays(self) -> list[Matrix]:
        """[rows, stored] by block, to read and to write; valid until the next ones are added."""
        return [array.rows for array in self._arrays]

    @property
    def nbytes(self) -> int:
        return sum(array.nbytes for array in self._arrays)

    def append(self, arrays: Sequence[Matrix]) -> None:
        """Add rows behind the last, by block."""
        for own, array in zip(self._arrays, arrays, strict=True):
            own.append(array)

    def taken(self, numbers: Numbers) -> list[Matrix]:
        """Copies of rows by block; any for the number -1."""
        if not len(self.arrays[0]):
            return [np.zeros((len(numbers), *rows.shape[1:]), np.float32) for rows in self.arrays]
        return [rows.take(numbers, axis=0, mode="clip") for rows in self.arrays]

    def read(self, numbers: Numbers) -> list[Matrix]:
        """Do as `taken`, but these copies are not to be written to."""
        self._read = _Read(numbers.copy(), self.taken(numbers))
        return self._read.rows

    def put(self, numbers: Numbers, arrays: Sequence[Matrix]) -> None:
        """Replace rows, by block."""
        self._read = NOTHING_READ
        for rows, array in zip(self.arrays, arrays, strict=True):
            kernels().put(rows, numbers, array)

    def update(self, numbers: Numbers, run: Run, rate: float, unborn: Sequence[int] | Array) -> list[Matrix]:
        """Update rows by the sums of their keys; returns copies of what they were.

        ``unborn``: places of those among them that begin anew.
        """
        replaced = self._read.rows if np.array_equal(numbers, self._read.numbers) else self.taken(numbers)
        self._read = NOTHING_READ
        start = 0
        for block, rows, old in zip(self._blocks, self.arrays, replaced, strict=True):
            sums = np.ascontiguousarray(run.values[:, start : start + block.width])
            if len(unborn):
                old = old.copy()
                old[unborn] = block.first_rows(run.keys[unborn])
            kernels().put(rows, numbers, block.rule.update(old, sums, rate))
            start += block.width
        return replaced

    def first_rows(self, keys: Keys) -> list[Matrix]:
        """The rows that keys begin with, by block."""
        return [block.first_rows(keys) for block in self._blocks]

    def weights(self, numbers: Numbers | None = None) -> dict[str, Matrix]:
        """The weights of some rows, or of all, by block."""
        pairs = zip(self._blocks, self.arrays, strict=True)
        return {block.name: block.rule.weights(rows if numbers is None else rows[numbers]) for block, rows in pairs}

    @property
    def infinite_block(self) -> str | None:
        """The name of a block that holds a weight which is no finite number; None where there is none."""
        return next((name for name, weights in self.weights().items() if not np.isfinite(weights).all()), None)

    def cut(self, count: int) -> None:
        """Take away all rows behind the first ``count``."""
        self._read = NOTHING_READ
        for array in self._arrays:
            array.cut(count)

    def keep(self, kept: Array) -> None:
        """Take away all rows but these.  ``kept``: bool [rows]."""
        self._read = NOTHING_READ
        for array in self._arrays:
            array.keep(kept)
