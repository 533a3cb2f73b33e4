"""One version of a table, and the protocol of a kind of such tables."""

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

import pyarrow as pa

from yarnml import storage
from yarnml.data.arrays import Places
from yarnml.data.partitions import Partition

Version = int | str | None
"""A number, a time or a name as text, or none for the newest."""


Names = tuple[tuple[str, str], ...]
"""Columns of a table that have another name in a file, each with that."""


def as_stored(columns: pa.Schema, url: str) -> tuple[pa.Schema, Names]:
    """Take all columns of a file as columns of the table, of the same names."""
    return columns, ()


class Snapshot(NamedTuple):
    """One version of the table at ``url``.

    ``kind``: of table, in a word.
    ``files``: by URL, in order, each with the columns that the table has for it.
    ``types``: of these columns.
    ``format``: of all files.
    ``cleaner``: what removes files of old versions, for an error.
    ``columns``: the columns of the table in those of a file of this URL, and those of another name there.
    ``defaults``: columns that have another value than null in the rows of a file which lacks them.
    ``deleted``: by URL, the places of the rows of a file that the table has not, ascending.
    """

    kind: str
    url: str
    version: int
    files: Mapping[str, Partition]
    types: Mapping[str, pa.DataType]
    format: str = "parquet"
    cleaner: str = "VACUUM"
    columns: Callable[[pa.Schema, str], tuple[pa.Schema, Names]] = as_stored
    deleted: Mapping[str, Places] = {}
    defaults: Collection[str] = ()

    @property
    def gone(self) -> tuple[str, str]:
        """The words before and behind the URL of a file of this version that is not there."""
        return (
            f"version {self.version} of the {self.kind} table {self.url} needs ",
            f", which is gone; {self.cleaner} removes files of old versions. Take a newer data.version, or --restart "
            "with the newest.",
        )


class Tables(Protocol):
    """One kind of tables.  Their files are read as any others; the library of the kind says which they are."""

    KIND: str

    def is_table(self, url: str) -> bool:
        """Tell whether there is such a table at a URL."""

    def snapshot(self, url: str, version: Version, field: str) -> Snapshot:
        """One version of the table.

        ``field``: of the job file.  JobFileError for a version that is not there, or a library that is missing;
        DataError for a table whose files are not its rows.
        """


def has_folder(url: str, name: str) -> bool:
    """Tell whether a URL is a folder with a folder of this name."""
    fs, path = storage.locate(url)  # a NameNode that is asked for something below a file refuses
    return bool(fs.isdir(path) and fs.isdir(storage.join(path, name)))


def moment_of(time: str) -> datetime:
    """The moment that a text in ISO 8601 names, in UTC where it has no zone; ValueError for any other text."""
    moment = datetime.fromisoformat(time)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
