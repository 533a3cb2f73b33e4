"""Iceberg tables: the files of one snapshot, by the table's metadata or by a catalog.

The package pyiceberg reads the metadata, through yarnml's own ways to files.  Data files are read as any others; their
columns are found by their ids, and rows that files of deletes name by their places are left out.
"""

from collections.abc import Iterable, Iterator, Sequence
from types import ModuleType
from typing import Any

import pyarrow as pa

from yarnml import storage
from yarnml.data.partitions import Partition
from yarnml.data.snapshots.base import Names, Snapshot, Version, has_folder, moment_of
from yarnml.errors import DataError, JobFileError, YarnmlError, first_line

KIND = "Iceberg"
SCHEME = "iceberg://"
METADATA = "metadata"
SUFFIX = ".metadata.json"
HINT = "version-hint.text"
FORMATS = {"PARQUET": "parquet", "ORC": "orc", "AVRO": "avro"}

_IDS = (b"PARQUET:field_id", b"iceberg.id")


def is_table(url: str) -> bool:
    if url.startswith(SCHEME) or url.endswith(SUFFIX):
        return True
    return has_folder(url, METADATA) and any(n.endswith(SUFFIX) for n in storage.names(storage.join(url, METADATA)))


def snapshot(url: str, version: Version, field: str) -> Snapshot:
    library = _library(field, url)
    try:
        table = _by_name(library, url, field) if url.startswith(SCHEME) else _by_metadata(library, url, field)
        chosen = _chosen(table, version, url, field)
        return _files(table, chosen, url, field)
    except YarnmlError:
        raise
    except Exception as exc:  # a catalog's client has errors of its own
        raise DataError(f"{field}: the Iceberg table {url} can't be read: {first_line(exc)}") from exc


def _by_name(library: ModuleType, url: str, field: str) -> Any:
    """The table that a catalog has, ``iceberg://catalog/namespace.table``; its settings are pyiceberg's own."""
    catalog, _, name = url.removeprefix(SCHEME).partition("/")
    if not catalog or "." not in name:
        raise JobFileError(f"{field}: {url} must be {SCHEME}CATALOG/NAMESPACE.TABLE.")
    return library.catalog_of(catalog).load_table(name)


def _by_metadata(library: ModuleType, url: str, field: str) -> Any:
    """The table of a metadata file, or of a folder whose newest one is told by a hint, as Hadoop catalogs write it."""
    if not url.endswith(SUFFIX) and HINT not in storage.names(storage.join(url, METADATA)):
        raise JobFileError(
            f"{field}: {url} is an Iceberg table without a {METADATA}/{HINT}, so only its catalog knows its newest "
            f"version; give {SCHEME}CATALOG/NAMESPACE.TABLE, or one of the files {METADATA}/*{SUFFIX}."
        )
    return library.StaticTable.from_metadata(url, library.SETTINGS)


def _chosen(table: Any, version: Version, url: str, field: str) -> Any:
    """The snapshot of an id, of a time, or of a branch or tag; the newest without any."""
    if version is None:
        chosen = table.current_snapshot()
        if chosen is None:
            raise DataError(f"{field}: the Iceberg table {url} has no rows yet.")
        return chosen
    known = ", ".join(str(log.snapshot_id) for log in table.history()[-3:])
    if isinstance(version, int):
        chosen = table.snapshot_by_id(version)
    elif (chosen := table.snapshot_by_name(version)) is None:
        try:
            moment = moment_of(version)
        except ValueError as exc:
            raise JobFileError(
                "data.version must be the number of a snapshot, a branch, a tag, or a time such as "
                f"2026-01-31T12:00:00Z, not '{version}'."
            ) from exc
        chosen = table.snapshot_as_of_timestamp(int(moment.timestamp() * 1000))
    if chosen is None:
        raise JobFileError(f"{field}: {url} has no version {version}; its newest ones are {known}.")
    return chosen


def _files(table: Any, chosen: Any, url: str, field: str) -> Snapshot:
    """The files of a snapshot, in the order of their names; DataError where these are not its rows."""
    number = chosen.snapshot_id
    is_newest = chosen == table.current_snapshot()
    scan = table.scan() if is_newest else table.scan(snapshot_id=number)  # a snapshot has the names of its time
    where = f"{field}: snapshot {number} of the Iceberg table {url}"
    tasks = _tasks(scan, where)
    if not tasks:
        raise DataError(f"{where} has no rows.")
    formats = sorted({task.file.file_format.name for task in tasks})
    if len(formats) > 1 or formats[0] not in FORMATS:
        raise DataError(f"{where} has files of {' and '.join(formats)}; have them written anew in one format.")
    schema = scan.projection()
    if formats[0] == "AVRO" and has_renamed(table.schemas().values(), schema):
        raise DataError(
            f"{where} has Avro files, whose columns are found by name, but the table has renamed some; have "
            "Spark write them anew: CALL system.rewrite_data_files."
        )
    files = {task.file.file_path: _partition(task.file, table.specs(), schema) for task in tasks}
    names = {name for partition in files.values() for name, _ in partition}
    kinds = {name: schema.as_arrow().field(name).type for name in names}
    names_of_ids = {field_id: schema.find_column_name(field_id) for field_id in schema.field_ids}

    def columns(stored: pa.Schema, file: str) -> tuple[pa.Schema, Names]:
        return columns_of_table(stored, names_of_ids, file)

    deleted = _library(field, url).deleted_rows(tasks)
    defaults = {column.name for column in schema.fields if column.initial_default is not None}
    table_format = FORMATS[formats[0]]
    return Snapshot(KIND, url, number, files, kinds, table_format, "expire_snapshots", columns, deleted, defaults)


def _tasks(scan: Any, where: str) -> list[Any]:
    """The data files of a scan, each with its files of deletes, in the order of their names."""
    try:
        return sorted(scan.plan_files(), key=lambda task: task.file.file_path)
    except (ValueError, NotImplementedError) as exc:
        if "equality deletes" not in str(exc):
            raise
        raise DataError(
            f"{where} has rows that were deleted by their values, as Flink does it, which can't be read. Have Spark "
            "write its files anew: CALL system.rewrite_data_files(table => …, options => "
            "map('delete-file-threshold', '1'))."
        ) from exc


def has_renamed(schemas: Iterable[Any], schema: Any) -> bool:
    """Tell whether a column of an earlier schema has another name now, or its name belongs to another column."""
    names = {number: schema.find_column_name(number) for number in schema.field_ids}
    earlier = {(number, old.find_column_name(number)) for old in schemas for number in old.field_ids}
    return any(
        names.get(number, name) != name or (number not in names and name in names.values()) for number, name in earlier
    )


def _partition(file: Any, specs: Any, schema: Any) -> Partition:
    """The columns whose values are the same in all rows of a file, by the table's partitions; files may lack them."""
    pairs = []
    for place, part in enumerate(specs[file.spec_id].fields):
        name = schema.find_column_name(part.source_id)
        if name and "." not in name and str(part.transform) == "identity":
            value = file.partition[place]
            kind = schema.find_type(part.source_id)
            pairs.append((name, None if value is None else part.transform.to_human_string(kind, value)))
    return tuple(pairs)


def columns_of_table(stored: pa.Schema, names_of_ids: dict[int, str | None], url: str) -> tuple[pa.Schema, Names]:
    """The columns of a file that are the table's, by its names; and those that have another name in the file.

    A column that was dropped is none of the table's, also where its name is another's since.

    ``names_of_ids``: the table's columns, those within structs by their paths.  DataError where a part of a struct has
    another name in the file.
    """
    kept = []
    names = []
    current = set(names_of_ids.values())
    for column in stored:
        ids = list(_ids(column, []))
        number = next((n for path, n in ids if path == column.name), None)
        name = column.name if number is None else names_of_ids.get(number)
        if name is None or name not in current:
            continue
        for path, part in ids:
            part_name = names_of_ids.get(part)
            if path != column.name and part_name != f"{name}{path.removeprefix(column.name)}":
                raise DataError(
                    f"{url} has a part of a struct '{path}' which the Iceberg table "
                    f"{f'calls {part_name!r}' if part_name else 'has dropped'} since; have Spark write the file anew: "
                    "CALL system.rewrite_data_files."
                )
        kept.append(column.with_name(name))
        names += [(name, column.name)] if name != column.name else []
    return pa.schema(kept), tuple(names)


def _ids(column: pa.Field, above: Sequence[str]) -> Iterator[tuple[str, int]]:
    """The path and the id of a column, and of the fields of a struct."""
    path = [*above, column.name]
    for key in _IDS:
        if key in (column.metadata or {}):
            yield ".".join(path), int(column.metadata[key])
    if pa.types.is_struct(column.type):
        for part in column.type:
            yield from _ids(part, path)


def _library(field: str, url: str) -> ModuleType:
    try:
        from yarnml.data.snapshots import iceberg_files
    except ModuleNotFoundError as exc:
        raise JobFileError(
            f"{field}: {url} is an Iceberg table, which needs the package pyiceberg: pip install 'yarnml[iceberg]'."
        ) from exc
    return iceberg_files
