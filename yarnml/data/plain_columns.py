"""Columns of plain numbers without nulls: most columns of wide tables, of which each call counts.

Many are laid together, so that there are calls for all of them and none for each.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from yarnml.data.arrays import Matrix
from yarnml.data.schema import Feature

_TYPES = (pa.int8(), pa.int16(), pa.int32(), pa.uint8(), pa.uint16(), pa.uint32(), pa.float32(), pa.float64())
_IDS = frozenset(kind.id for kind in _TYPES)
"""Of types whose values float64 holds exactly, so that distances from an offset are those of `distances`."""


CONFLICTING_ROWS = 256
"""Columns of a multiple of so many rows begin at places that a processor's cache holds only a few of at a time."""

_GAP = 16  # numbers of a line of the cache


def empty_lines(rows: int, columns: int) -> Matrix:
    """An array [rows, columns] with anything in it, column behind column with a gap, to be copied into rows.

    Without the gap, columns of 2^k rows would push each other out of the cache, and the copy take three times as long.
    """
    return np.empty((columns, rows + _GAP), np.float32)[:, :rows].T


def lay_plain(table: pa.Table, features: Sequence[Feature], target: Matrix) -> bool:
    """Lay the numbers of features into ``target`` [rows, features]: False where that takes more than rounding.

    Then ``target`` may hold anything.
    """
    if any(feature.steps for feature in features):
        return False
    try:
        columns = table.select([feature.name for feature in features])
        if not all(kind.id in _IDS for kind in columns.schema.types):
            return False
        offsets = np.array([feature.offsets[0] if feature.offsets else 0.0 for feature in features])
        start = 0
        for batch in columns.to_batches():
            numbers = batch.to_tensor(row_major=False).to_numpy()  # of several types in one that holds all exactly
            part = target[start : start + len(numbers)]
            start += len(numbers)
            lines = part if len(numbers) % CONFLICTING_ROWS else empty_lines(*numbers.shape)
            with np.errstate(over="ignore"):  # what float32 can't hold becomes infinite
                if offsets.any():
                    np.subtract(numbers, offsets, out=lines, dtype=np.float64, casting="same_kind")
                else:
                    np.copyto(lines, numbers, casting="same_kind")
            if lines is not part:
                part[:] = lines
    except (KeyError, pa.ArrowTypeError):  # a name that is missing or there twice; nulls
        return False
    return True
