"""Rows that a table has deleted while its files still hold them, by their places in their groups."""

from collections.abc import Sequence

import msgspec
import numpy as np
import pyarrow as pa

from yarnml.data.arrays import Places
from yarnml.data.base import File, Group

_PLACE = "<u4"


def without_deleted(file: File, places: Places) -> File:
    """The file with the rows at these places, ascending, deleted from its groups."""
    groups = []
    start = 0
    for group in file.groups:
        low, high = np.searchsorted(places, [start, start + group.rows])
        deleted = (places[low:high] - start).astype(_PLACE).tobytes()
        groups.append(msgspec.structs.replace(group, rows=group.rows - int(high - low), deleted=deleted))
        start += group.rows
    return msgspec.structs.replace(file, groups=tuple(groups))


def stored_rows(group: Group) -> int:
    """The rows that are stored in a group, deleted ones among them."""
    return group.rows + len(group.deleted) // np.dtype(_PLACE).itemsize


def rows_left(table: pa.Table, group: Group) -> pa.Table:
    """The rows of a group that are not deleted; ``table``: all that are stored."""
    if not group.deleted:
        return table
    if not table.num_columns:
        return pa.table({"": pa.nulls(group.rows)}).select([])
    is_left = np.ones(table.num_rows, bool)
    is_left[np.frombuffer(group.deleted, _PLACE)] = False
    return table.filter(pa.array(is_left))


def union(parts: Sequence[Places]) -> Places:
    """All of these places, once each, ascending."""
    return np.unique(np.concatenate(parts)) if parts else np.empty(0, np.int64)
