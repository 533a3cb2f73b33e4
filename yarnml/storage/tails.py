"""The last bytes of files: there Parquet and ORC say what a file holds."""

import os
from collections.abc import Callable
from typing import Any, NamedTuple

from yarnml.storage import local
from yarnml.storage.files import locate
from yarnml.storage.hdfs import Hdfs


class Tail(NamedTuple):
    """The last bytes of a file of ``size`` bytes."""

    size: int
    data: bytes


ReadTail = Callable[[int], Tail]
"""Read so many bytes from the end of a file, or all where it has fewer."""


def tail(url: str, length: int) -> Tail:
    """Read the last bytes of a file, as one call of the storage where that can."""
    fs, path = locate(url)
    if isinstance(fs, Hdfs):
        return Tail(*fs.tail(path, length))
    with local.opened(path) if local.is_disk(fs) else fs.open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(size - length, 0))
        return Tail(size, file.read(length))


def tail_of(source: Any, length: int) -> Tail:
    """Read the last bytes of a file that pyarrow has open."""
    size = source.size()
    start = max(size - length, 0)
    return Tail(size, bytes(source.read_at(size - start, start)))
