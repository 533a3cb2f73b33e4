"""The kinds of tables with versions, and which of them a path names."""

from collections.abc import Callable
from typing import NamedTuple

from yarnml.data.snapshots import delta, iceberg
from yarnml.data.snapshots.base import Snapshot, Tables, Version
from yarnml.errors import JobFileError
from yarnml.storage.listing import is_glob

KINDS: tuple[Tables, ...] = (iceberg, delta)

DATA = "data"
"""The folder of an Iceberg table's files."""


class _Table(NamedTuple):
    kind: Tables
    url: str


def find_snapshot(paths: list[str], version: Callable[[], Version], field: str) -> Snapshot | None:
    """The version of the table that the paths name; None where none of them leads into one.

    ``version``: called where there is a table.  ``field``: of the job file.
    """
    tables = {path: table for path in paths if (table := _table_of(path))}
    if not tables:
        return None
    path = next(iter(tables))
    kind, url = tables[path]
    if len(paths) > 1:
        raise JobFileError(f"{field}: {path} is in a table of {kind.KIND}, which must be given alone.")
    if path.rstrip("/") != url:
        raise JobFileError(
            f"{field}: {path} is a part of the {kind.KIND} table {url}, whose folders hold rows of other versions, "
            "too; name the table, and choose rows by data.where."
        )
    return kind.snapshot(url, version(), field)


def kind_of_table(path: str) -> str | None:
    """The kind of the table that a path names, or a part of; None for other paths."""
    table = _table_of(path)
    return table.kind.KIND if table else None


def _table_of(path: str) -> _Table | None:
    """The table that a path names, or a part of; None for other paths."""
    parts = path.rstrip("/").split("/")
    literal = next((n for n, part in enumerate(parts) if is_glob(part)), len(parts))
    folders = parts[:literal]
    while folders:
        url = "/".join(folders)
        for kind in KINDS:
            if url and kind.is_table(url):
                return _Table(kind, url)
        if "=" not in folders[-1] and folders[-1] != DATA:
            return None
        folders.pop()
    return None
