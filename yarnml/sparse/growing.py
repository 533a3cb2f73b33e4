"""An array to which rows are added at the end."""

import numpy as np
import numpy.typing as npt

from yarnml.data.arrays import Array

SMALLEST_CAPACITY = 1 << 10

GROWTH = 1.4
"""The capacity is multiplied by it where it does not suffice.  Twice as much would leave up to half of it empty."""


class GrowingArray:
    """Rows of one shape in memory that grows when it is full, so that a row is copied a few times, on average."""

    def __init__(self, shape: tuple[int, ...], kind: npt.DTypeLike) -> None:
        self._memory = np.empty((SMALLEST_CAPACITY, *shape), kind)
        self._count = 0

    @property
    def rows(self) -> Array:
        """All rows, to read and to write; valid until the next ones are added."""
        return self._memory[: self._count]

    @property
    def nbytes(self) -> int:
        return self._memory.nbytes

    def append(self, rows: Array) -> None:
        """Add rows behind the last."""
        before = self._count
        self.extend(len(rows))
        self._memory[before : self._count] = rows

    def extend(self, rows: int) -> None:
        """Add so many rows behind the last, with anything in them."""
        count = self._count + rows
        if count > len(self._memory):
            capacity = max(count, int(GROWTH * len(self._memory)))
            memory = np.empty((capacity, *self._memory.shape[1:]), self._memory.dtype)
            memory[: self._count] = self.rows
            self._memory = memory
        self._count = count

    def cut(self, count: int) -> None:
        """Take away all rows behind the first ``count``."""
        self._count = min(count, self._count)

    def keep(self, kept: Array) -> None:
        """Take away all rows but these, and free their memory.  ``kept``: bool [rows]."""
        rows = self.rows[kept]
        self._memory = rows if len(rows) >= SMALLEST_CAPACITY else np.empty_like(self._memory[:SMALLEST_CAPACITY])
        self._memory[: len(rows)] = rows
        self._count = len(rows)
