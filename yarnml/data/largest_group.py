"""Groups of rows that a worker has no room for: a group is read at once, whatever its size."""

from yarnml.data.base import Dataset

BLOCKS = 2
"""Decoded groups in a worker's memory: the one that is learnt from, and the next one."""
NUMBER_BYTES = 4
GIB = 2**30
SHARE = 0.5
"""Of a worker's memory: what more a group takes is told."""


def warning_of(dataset: Dataset, width: int, memory: int) -> str:
    """Warn of the largest group, where it takes much of a worker's ``memory`` in bytes; else empty.

    ``width``: numbers that a row becomes, as far as they are known.
    """
    sizes = [
        (BLOCKS * NUMBER_BYTES * width * group.rows + group.size, file.url, group.rows)
        for file in dataset.files
        for group in file.groups
    ]
    size, url, rows = max(sizes)
    if size <= SHARE * memory:
        return ""
    return (
        f"{url} has a group of {rows:,} rows, which is read at once and takes about {size / GIB:.1f} GiB in a worker "
        f"of {memory / GIB:.1f}: write smaller groups, for Parquet by parquet.block.size, or raise workers.memory"
    )
