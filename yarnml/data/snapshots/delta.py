"""Delta tables: the files of one version, and the columns that the table's log has for each of them.

The log is copied and read by the package deltalake; the files are Parquet, which is read as any other.  Folders of such
a table hold files of earlier versions, too, so no path leads past the log.
"""

import tempfile
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc

from yarnml import storage
from yarnml.data.snapshots.base import Snapshot, Version, has_folder, moment_of
from yarnml.errors import DataError, JobFileError, first_line

KIND = "Delta"
LOG = "_delta_log"
CHECKED_FEATURES = {"deletionVectors", "columnMapping"}
"""Features of tables whose use is looked into."""
HARMLESS_FEATURES = {"timestampNtz", "v2Checkpoint", "vacuumProtocolCheck", "variantType", "variantType-preview"}
"""Features that change nothing of how the files of numbers, text and dates are read."""
_MAX_FILES_AT_ONCE = 16
_VALUES = "partition."


def is_table(url: str) -> bool:
    return has_folder(url, LOG)


def snapshot(url: str, version: Version, field: str) -> Snapshot:
    deltalake = _library(field, url)
    with tempfile.TemporaryDirectory(prefix="yarnml-delta-") as folder:
        _copy(storage.join(url, LOG), Path(folder, LOG))
        try:
            table = deltalake.DeltaTable(folder)
            if isinstance(version, str):
                version = version_at(version, table.history(), field, url)
            if version is not None and version != table.version():
                if version > table.version():
                    raise JobFileError(f"{field}: {url} has no version {version}; its newest is {table.version()}.")
                table = deltalake.DeltaTable(folder, version=version)
            if refusal := _refusal(table, deltalake):
                raise DataError(f"{field}: version {table.version()} of the Delta table {url} {refusal}")
            return _files(url, table, field)
        except deltalake.exceptions.DeltaError as exc:
            in_version = "" if version is None else f" in version {version}"
            reason = first_line(exc).rstrip(".")
            raise DataError(f"{field}: the Delta table {url} can't be read{in_version}: {reason}.") from exc


def _copy(log: str, folder: Path) -> None:
    """Copy a log, so that a table is read wherever yarnml reads files."""

    def copy(name: str) -> None:
        (folder / name).write_bytes(storage.read(storage.join(log, name)))

    folder.mkdir()
    names = [name for name in storage.names(log) if name.endswith((".json", ".parquet")) or name == "_last_checkpoint"]
    if "_sidecars" in storage.names(log):
        (folder / "_sidecars").mkdir()
        names += [f"_sidecars/{name}" for name in storage.names(storage.join(log, "_sidecars"))]
    with ThreadPoolExecutor(_MAX_FILES_AT_ONCE) as pool:
        list(pool.map(copy, names))


def version_at(time: str, history: list[dict[str, Any]], field: str, url: str) -> int:
    """The version that a table had at a time: the last one that was written by then.

    ``time``: ISO 8601, in UTC where it has no zone.  ``history``: entries with version and timestamp, in ms.
    """
    try:
        moment = moment_of(time)
    except ValueError as exc:
        raise JobFileError(
            f"data.version must be a number, or a time such as 2026-01-31T12:00:00Z, not '{time}'."
        ) from exc
    dated = {int(entry["version"]): int(entry["timestamp"]) for entry in history if "timestamp" in entry}
    earlier = [number for number, written in dated.items() if written <= moment.timestamp() * 1000]
    if not earlier:
        oldest = datetime.fromtimestamp(min(dated.values()) / 1000, UTC).isoformat() if dated else "unknown"
        raise JobFileError(f"{field}: {url} has no version as old as {time}; its log begins at {oldest}.")
    return max(earlier)


def _refusal(table: Any, deltalake: ModuleType) -> str | None:
    """The reason why the files of a version are not its rows; None where they are."""
    features = {*(table.protocol().reader_features or [])}
    mapping = table.metadata().configuration.get("delta.columnMapping.mode", "none")
    if unknown := features - CHECKED_FEATURES - HARMLESS_FEATURES:
        return f"needs {', '.join(sorted(unknown))} of its readers, which yarnml lacks; write it without."
    if mapping != "none":
        return f"has other names for columns than its files (delta.columnMapping.mode {mapping}); write it without."
    if "deletionVectors" in features and _has_deletion_vectors(table, deltalake):
        return (
            "has deletion vectors: its files still hold rows that were deleted. Have Spark write these files anew: "
            "REORG TABLE … APPLY (PURGE)."
        )
    return None


def _has_deletion_vectors(table: Any, deltalake: ModuleType) -> bool:
    try:
        return any(batch.num_rows for batch in table.deletion_vectors())
    except deltalake.exceptions.DeltaError:  # it lies in a file beside the data, which was not copied
        return True


def _files(url: str, table: Any, field: str) -> Snapshot:
    """The files of a version, in the order of their names."""
    added = pa.table(table.get_add_actions(flatten=True)).sort_by("path")
    if not added.num_rows:
        raise DataError(f"{field}: version {table.version()} of the Delta table {url} has no rows.")
    kinds = pa.schema(table.schema().to_arrow())
    columns = {name: added.column(_VALUES + name) for name in table.metadata().partition_columns}
    texts = {name: pc.cast(column, pa.string()).to_pylist() for name, column in columns.items()}
    files = {}
    for row, path in enumerate(added.column("path").to_pylist()):
        path = unquote(path)  # the log has URLs, in which the names of folders are escaped once more
        place = path if "://" in path or path.startswith("/") else storage.join(url, path)
        files[place] = tuple((name, values[row]) for name, values in texts.items())
    return Snapshot(KIND, url, table.version(), files, {name: kinds.field(name).type for name in texts})


def _library(field: str, url: str) -> ModuleType:
    try:
        import deltalake
        import deltalake.exceptions
    except ModuleNotFoundError as exc:
        raise JobFileError(
            f"{field}: {url} is a Delta table, which needs the package deltalake: pip install 'yarnml[delta]'."
        ) from exc
    return deltalake
