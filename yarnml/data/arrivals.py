"""Files that other programs put into a folder: which of them are there, and which of those are whole.

Programs of Hadoop show a file by a rename from a hidden name or folder, so what is hidden is not whole.  For those that
write in place, a file counts as whole once two looks have found it with the same size and time.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from msgspec import Struct

from yarnml import storage
from yarnml.data.snapshots.registry import kind_of_table
from yarnml.errors import JobFileError

MAX_FILES_AT_ONCE = 16

_UNFINISHED = re.compile(r".*\.(tmp|inprogress|part|crdownload|filepart)(\.[^./]*)?", re.IGNORECASE)
"""Names of files in place that Flume, Flink and others are still writing."""


class Arrival(Struct, frozen=True, array_like=True):
    """A file as it was found.

    ``modified``: when it was written last, in seconds since 1970 by the storage's clock.
    """

    url: str
    size: int
    modified: float


def find_arrivals(folder: str, known: Collection[str]) -> list[Arrival]:
    """Look for files in a folder, at any depth, that are not among the ``known`` URLs; hidden and empty ones left out.

    A folder that is not there has none.  JobFileError where it can't be listed, or is a table that rewrites its files.
    """
    try:
        if kind := kind_of_table(folder):
            raise JobFileError(
                f"data.follow.path {folder} is a {kind} table, whose files are written anew now and then; follow a "
                "folder of files that stay."
            )
        listed = [url for url in storage.find(folder) if url not in known and not is_unfinished(url)]
        return sorted_by_age(look_at(listed))
    except (OSError, ValueError) as exc:
        raise JobFileError(f"data.follow.path {folder} can't be listed: {exc}") from exc


def look_at(urls: Sequence[str]) -> list[Arrival]:
    """Look at each of these files; those that are gone or empty are left out."""
    with ThreadPoolExecutor(MAX_FILES_AT_ONCE) as pool:
        return [arrival for arrival in pool.map(_look, urls) if arrival and arrival.size]


def _look(url: str) -> Arrival | None:
    try:
        return Arrival(url, storage.size(url), storage.modified(url))
    except (FileNotFoundError, NotADirectoryError):
        return None


def is_unfinished(url: str) -> bool:
    """Tell whether the name of a file says that it is still being written."""
    return bool(_UNFINISHED.fullmatch(url.rpartition("/")[2]))


def sorted_by_age(arrivals: Iterable[Arrival]) -> list[Arrival]:
    """The files in the order in which they are learned: the oldest first, those of one time by name."""
    return sorted(arrivals, key=lambda arrival: (arrival.modified, arrival.url))


def settled(before: Sequence[Arrival], now: Sequence[Arrival]) -> list[Arrival]:
    """The files that two looks have found as they are now, in order."""
    earlier = frozenset(before)
    return [arrival for arrival in now if arrival in earlier]
