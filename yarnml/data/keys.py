"""Rows of keys: how many each row has, one row's behind the other's, with or without values and fields."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from yarnml.data.arrays import Array, Matrix, Places

NARROW_BITS = 32
"""Of keys with so many bits, or fewer, all others are 0."""

CACHE_LINE_BYTES = 64
"""Of a processor: the keys of so many columns are laid beside each other at once, as a write fetches a whole line."""

Entries = Array | slice
"""Places of entries, whether to take each, or a range of them."""


class KeyRows(NamedTuple):
    """The keys of some rows, as a matrix of compressed sparse rows has its columns.

    ``offsets``: int64 [rows + 1]: row r has the entries offsets[r] … offsets[r + 1] - 1.
    ``keys``: uint64 [entries]; of narrow ones only the higher halves, as uint32.
    ``values``: float32 [entries]; None where all are 1.
    ``fields``: uint16 [entries], the number of the column that each is of; None where that is not wanted.
    """

    offsets: Places
    keys: npt.NDArray[Any]
    values: Matrix | None = None
    fields: npt.NDArray[np.uint16] | None = None

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

    def narrow(self) -> "KeyRows":
        """Keep only the higher halves of keys, of which the lower are 0, as of up to `NARROW_BITS`."""
        return self._replace(keys=(self.keys >> np.uint64(32)).astype(np.uint32))

    def wide(self) -> "KeyRows":
        """Make narrow keys whole."""
        return self._replace(keys=wide_keys(self.keys))

    def take(self, places: Array) -> "KeyRows":
        """The rows at these places, in this order."""
        starts = self.offsets[places]
        lengths = self.offsets[places + 1] - starts
        offsets = _offsets(lengths)
        length = lengths[0] if len(lengths) else 0
        if length and (lengths == length).all() and not (starts % length).any():  # whole rows are copied faster
            return self._of_rows(offsets, starts // length, length)
        entries = np.repeat(starts - offsets[:-1], lengths) + np.arange(offsets[-1])
        return self.of_entries(offsets, entries)

    def _of_rows(self, offsets: Places, places: Places, length: int) -> "KeyRows":
        """Rows with these offsets, of ``length`` entries each: those at these places where all rows are as long."""

        def taken(array: Array) -> Array:
            rows = array[: len(array) // length * length].reshape(-1, length)
            return rows.take(places, axis=0).reshape(-1)

        values = None if self.values is None else taken(self.values)
        fields = None if self.fields is None else taken(self.fields)
        return KeyRows(offsets, taken(self.keys), values, fields)

    def slice(self, low: int, high: int) -> "KeyRows":
        """The rows ``low`` … ``high`` - 1, as far as there are such; views of the entries."""
        offsets = self.offsets[low : high + 1]
        entries = slice(offsets[0], offsets[-1])
        return self.of_entries(offsets - offsets[0], entries)

    def of_entries(self, offsets: Places, entries: Entries) -> "KeyRows":
        """Rows with these offsets, of some of the entries."""
        values = None if self.values is None else self.values[entries]
        fields = None if self.fields is None else self.fields[entries]
        return KeyRows(offsets, self.keys[entries], values, fields)

    def padded(self, length: int) -> "KeyRows":
        """These rows, and rows without keys up to ``length``."""
        return self._replace(offsets=np.append(self.offsets, np.full(length - self.size, self.offsets[-1])))


def wide_keys(keys: npt.NDArray[Any]) -> npt.NDArray[np.uint64]:
    """Keys, narrow or not, as uint64; themselves where they are."""
    return keys if keys.dtype == np.uint64 else np.left_shift(keys, 32, dtype=np.uint64)


def no_keys(rows: int, *, with_fields: bool = False) -> KeyRows:
    """Rows without keys."""
    fields = np.empty(0, np.uint16) if with_fields else None
    return KeyRows(np.zeros(rows + 1, np.int64), np.empty(0, np.uint64), None, fields)


def concatenate(parts: Sequence[KeyRows]) -> KeyRows:
    """The rows of several parts, one behind the other."""
    if len(parts) == 1:
        return parts[0]
    lengths = np.concatenate([np.diff(part.offsets) for part in parts])
    fields = [part.fields for part in parts if part.fields is not None]
    keys = np.concatenate([part.keys for part in parts])
    return KeyRows(_offsets(lengths), keys, _all_values(parts), np.concatenate(fields) if fields else None)


def beside(columns: Sequence[KeyRows], *, with_fields: bool = False) -> KeyRows:
    """Rows with the keys of several columns, those of the first in front.

    ``with_fields``: and with the number of each entry's column.
    """
    if len(columns) == 1:
        return columns[0]._replace(fields=np.zeros(len(columns[0].keys), np.uint16) if with_fields else None)
    present = _single(columns)
    if present is not None:
        return _beside_single(columns, present, with_fields=with_fields)
    lengths = np.stack([np.diff(column.offsets) for column in columns], axis=1)
    offsets = _offsets(lengths.sum(axis=1))
    starts = offsets[:-1, None] + np.cumsum(lengths, axis=1) - lengths
    keys = np.empty(offsets[-1], columns[0].keys.dtype)
    values = None if all(c.values is None for c in columns) else np.ones(len(keys), np.float32)
    fields = np.empty(len(keys), np.uint16) if with_fields else None
    for number, (column, start) in enumerate(zip(columns, starts.T, strict=True)):
        entries = np.repeat(start - column.offsets[:-1], np.diff(column.offsets)) + np.arange(len(column.keys))
        keys[entries] = column.keys
        if values is not None and column.values is not None:
            values[entries] = column.values
        if fields is not None:
            fields[entries] = number
    return KeyRows(offsets, keys, values, fields)


def _single(columns: Sequence[KeyRows]) -> npt.NDArray[np.bool_] | None:
    """[columns, rows]: which have a key; None where a row of a column has more of them, or any has a value."""
    present = np.empty((len(columns), columns[0].size), np.bool_)
    for line, column in zip(present, columns, strict=True):
        lengths = np.diff(column.offsets)
        if column.values is not None or lengths.max(initial=0) > 1:
            return None
        line[:] = lengths
    return present


def _beside_single(columns: Sequence[KeyRows], present: npt.NDArray[np.bool_], *, with_fields: bool) -> KeyRows:
    """Do as `beside` for columns with a key for each row at most, in a fraction of the time.

    ``present``: [columns, rows], which have one.
    """
    count, rows = present.shape
    keys = np.empty((rows, count), columns[0].keys.dtype)
    at_once = CACHE_LINE_BYTES // keys.itemsize
    for start in range(0, count, at_once):
        strip = columns[start : start + at_once]
        lines = np.empty((len(strip), rows), keys.dtype)
        for line, column, has_key in zip(lines, strip, present[start:], strict=False):
            line[slice(None) if len(column.keys) == rows else has_key] = column.keys
        keys[:, start : start + len(strip)] = lines.T
    has_keys = slice(None) if present.all() else present.T.reshape(-1)
    fields = np.tile(np.arange(count, dtype=np.uint16), rows)[has_keys] if with_fields else None
    return KeyRows(_offsets(present.sum(axis=0)), keys.reshape(-1)[has_keys], None, fields)


def _offsets(lengths: Array) -> Places:
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def _all_values(parts: Sequence[KeyRows]) -> Matrix | None:
    if all(part.values is None for part in parts):
        return None
    return np.concatenate([np.ones(len(p.keys), np.float32) if p.values is None else p.values for p in parts])
