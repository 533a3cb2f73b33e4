"""Groups of rows that a worker has no room for: told before a job starts."""

from typing import NamedTuple

from yarnml.data.base import Dataset, File, Group
from yarnml.data.group_parts import reads_parts

BLOCKS = 2
"""Decoded groups in a worker's memory: the one that is learnt from, and the next one."""
NUMBER_BYTES = 4
GIB = 2**30
SHARE = 0.5
"""Of a worker's memory: what more a group takes is told."""


class _Read(NamedTuple):
    """Rows of a group that are read at once: the bytes that it takes in a worker, and the file."""

    bytes: int
    url: str
    rows: int
    group_rows: int


def warning_of(dataset: Dataset, width: int, memory: int, shards: int) -> str:
    """Warn of the largest group, where it takes much of a worker's ``memory`` in bytes; else empty.

    ``width``: numbers that a row becomes, as far as they are known.
    ``shards``: that the rows are cut into; a large group of Parquet is read in their parts.
    """
    read = max(
        _read(dataset, width, file, group, -(-dataset.rows // shards))
        for file in dataset.files
        for group in file.groups
    )
    if read.bytes <= SHARE * memory:
        return ""
    how = "which is read" if read.rows == read.group_rows else f"of which a worker reads {read.rows:,}"
    advice = "raise workers.memory" if read.rows == read.group_rows else "raise workers.memory or training.shards"
    return (
        f"{read.url} has a group of {read.group_rows:,} rows, {how} at once and takes about {read.bytes / GIB:.1f} GiB "
        f"in a worker of {memory / GIB:.1f}: write smaller groups, for Parquet by parquet.block.size, or {advice}"
    )


def _read(dataset: Dataset, width: int, file: File, group: Group, shard_rows: int) -> _Read:
    """The rows of one group that are read at once; ``shard_rows``: of a shard."""
    rows = min(group.rows, shard_rows) if reads_parts(dataset, group) else group.rows
    stored = group.size * rows // max(group.rows, 1)
    return _Read(BLOCKS * NUMBER_BYTES * width * rows + stored, file.url, rows, group.rows)
