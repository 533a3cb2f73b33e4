"""Rows of keys: how many each row has, one row's behind the other's, with values or without."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from yarnml.data.arrays import Array, Matrix, Places


class KeyRows(NamedTuple):
    """The keys of some rows, as a matrix of compressed sparse rows has its columns.

    ``offsets``: int64 [rows + 1]: row r has the entries offsets[r] … offsets[r + 1] - 1.
    ``keys``: uint64 [entries].
    ``values``: float32 [entries]; None where all are 1.
    """

    offsets: Places
    keys: npt.NDArray[np.uint64]
    values: Matrix | None = None

    @property
    def size(self) -> int:
        """The number of rows."""
        return len(self.offsets) - 1

    @property
    def nbytes(self) -> int:
        return sum(array.nbytes for array in self if array is not None)

    @property
    def rows(self) -> npt.NDArray[np.int32]:
        """[entries]: the row of each."""
        return np.repeat(np.arange(self.size, dtype=np.int32), np.diff(self.offsets))

    def take(self, places: Array) -> "KeyRows":
        """The rows at these places, in this order."""
        starts = self.offsets[places]
        lengths = self.offsets[places + 1] - starts
        offsets = _offsets(lengths)
        entries = np.repeat(starts - offsets[:-1], lengths) + np.arange(offsets[-1])
        return KeyRows(offsets, self.keys[entries], None if self.values is None else self.values[entries])

    def slice(self, low: int, high: int) -> "KeyRows":
        """The rows ``low`` … ``high`` - 1, as far as there are such; views of the entries."""
        offsets = self.offsets[low : high + 1]
        entries = slice(offsets[0], offsets[-1])
        return KeyRows(offsets - offsets[0], self.keys[entries], None if self.values is None else self.values[entries])

    def padded(self, length: int) -> "KeyRows":
        """These rows, and rows without keys up to ``length``."""
        return self._replace(offsets=np.append(self.offsets, np.full(length - self.size, self.offsets[-1])))


def no_keys(rows: int) -> KeyRows:
    """Rows without keys."""
    return KeyRows(np.zeros(rows + 1, np.int64), np.empty(0, np.uint64))


def concatenate(parts: Sequence[KeyRows]) -> KeyRows:
    """The rows of several parts, one behind the other."""
    lengths = np.concatenate([np.diff(part.offsets) for part in parts])
    return KeyRows(_offsets(lengths), np.concatenate([part.keys for part in parts]), _all_values(parts))


def beside(columns: Sequence[KeyRows]) -> KeyRows:
    """Rows with the keys of several columns, those of the first in front."""
    if len(columns) == 1:
        return columns[0]
    lengths = np.stack([np.diff(column.offsets) for column in columns], axis=1)
    offsets = _offsets(lengths.sum(axis=1))
    starts = offsets[:-1, None] + np.cumsum(lengths, axis=1) - lengths
    keys = np.empty(offsets[-1], np.uint64)
    values = None if all(c.values is None for c in columns) else np.ones(len(keys), np.float32)
    for column, start in zip(columns, starts.T, strict=True):
        entries = np.repeat(start - column.offsets[:-1], np.diff(column.offsets)) + np.arange(len(column.keys))
        keys[entries] = column.keys
        if values is not None and column.values is not None:
            values[entries] = column.values
    return KeyRows(offsets, keys, values)


def _offsets(lengths: Array) -> Places:
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def _all_values(parts: Sequence[KeyRows]) -> Matrix | None:
    if all(part.values is None for part in parts):
        return None
    return np.concatenate([np.ones(len(p.keys), np.float32) if p.values is None else p.values for p in parts])
