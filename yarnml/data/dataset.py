"""Find and inspect the files of a dataset, and read their groups: the shell around the formats."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
import pyarrow as pa
from msgspec.structs import replace

from yarnml import storage
from yarnml.data.absent import with_absent, with_absent_elements
from yarnml.data.base import Dataset, File, changed
from yarnml.data.deleted import rows_left, stored_rows, without_deleted
from yarnml.data.formats.registry import SPARSE, format_of, reader_of
from yarnml.data.inspectors import Empty, Files, Inspected, inspect_files
from yarnml.data.layouts import Layout, common_columns, layouts_of
from yarnml.data.nested import columns_in_file, columns_with_elements, paths_of, taken_apart, with_parts
from yarnml.data.one_file import columns_of_file, names_in_file, names_of_table, types_of_table
from yarnml.data.partitions import partition_fields, partition_of
from yarnml.data.readable import readable, readable_table
from yarnml.data.snapshots.base import Snapshot, Version
from yarnml.data.snapshots.registry import find_snapshot
from yarnml.errors import DataError, JobFileError
from yarnml.events.log import log
from yarnml.events.text import first_few
from yarnml.job.csv import Csv


def inspect(
    paths: str | Sequence[str], format: str, field: str, csv: Csv | None = None, names: Iterable[str] = ()
) -> tuple[Dataset, pa.Schema]:
    """Look into every file once, several at a time; return the dataset and the columns that all files have.

    ``format``: a name of `FORMATS`, or auto.  ``csv``: the dialect of CSV.  ``names``: see `with_elements`.
    ``field``: of the job file; JobFileError names it when there is nothing to read.
    """
    dataset, layouts = with_elements(*inspect_layouts(paths, format, field, csv), names)
    return dataset, common_columns(layouts)


def with_elements(dataset: Dataset, layouts: list[Layout], names: Iterable[str]) -> tuple[Dataset, list[Layout]]:
    """Add the elements of lists and maps that have these names, as columns of their own."""
    extended = []
    for columns, url in layouts:
        columns, paths = columns_with_elements(columns, dataset.paths, names)
        dataset = replace(dataset, paths=paths)
        extended.append(Layout(readable(columns), url))
    return replace(dataset, files=tuple(with_absent_elements(dataset.files, dataset.paths))), extended


def newest() -> Version:
    """Choose the newest version of a table."""
    return None


def inspect_layouts(
    paths: str | Sequence[str],
    format: str,
    field: str,
    csv: Csv | None = None,
    version: Callable[[], Version] = newest,
) -> tuple[Dataset, list[Layout]]:
    """Look into every file once, as `inspect` does; return the dataset and the different layouts of its files.

    A file without a byte, as failed tasks leave them, is no part of the data beside others.

    ``version``: of a Delta or an Iceberg table; called where the path is one.
    """
    given = [paths] if isinstance(paths, str) else list(paths)
    try:
        snapshot = find_snapshot(given, version, field)
    except (OSError, ValueError) as exc:
        raise JobFileError(f"{field}: {given[0]} can't be listed: {exc}") from exc
    urls = list(snapshot.files) if snapshot else _find(given, field)
    if snapshot and format not in ("auto", snapshot.format):
        raise JobFileError(
            f"{field}: {given[0]} is a table of {snapshot.kind}, whose files are {snapshot.format}; remove data.format."
        )
    name = format if format != "auto" else snapshot.format if snapshot else _format_of(urls[0], field)
    dialect = msgspec.json.encode(csv).decode() if csv and csv != Csv() and name == "csv" else ""
    looks = inspect_files(Files(name, dialect, field, urls, snapshot.gone if snapshot else None))
    inspected = [_placed(look, snapshot) for look in _without_empty(urls, looks, field)]
    different = {id(columns): columns for columns, _ in inspected}
    read = {key: readable(with_parts(columns)) for key, columns in different.items()}
    stored = [read[id(columns)] for columns, _ in inspected]
    files = [file for _, file in inspected]
    kinds = {**partition_fields(file.partition for file in files), **(snapshot.types if snapshot else {})}
    if snapshot or name in SPARSE:
        files = with_absent(stored, files, snapshot.defaults if snapshot else ())
    parts = paths_of(different.values())
    dataset = Dataset(name, tuple(files), csv=dialect, paths=parts)
    if snapshot:
        dataset = replace(dataset, table=snapshot.kind, snapshot=snapshot.version)
    if not dataset.rows:
        raise DataError(f"{field}: {', '.join(urls[:3])} holds no rows.")
    return dataset, _layouts(stored, files, kinds)


def _placed(look: Inspected, snapshot: Snapshot | None) -> Inspected:
    """Add to what a file holds what its folders hold, or what its table says of it."""
    columns, file = look
    if not snapshot:
        return columns, replace(file, partition=partition_of(file.url))
    columns, names = snapshot.columns(columns, file.url)
    file = without_deleted(file, snapshot.deleted[file.url]) if file.url in snapshot.deleted else file
    return columns, replace(file, partition=snapshot.files[file.url], names=names)


def _without_empty(urls: Sequence[str], looks: Sequence[Inspected | Empty], field: str) -> list[Inspected]:
    """The files that hold something; raises the error of the first one where none does."""
    empty = {url: look for url, look in zip(urls, looks, strict=True) if isinstance(look, Empty)}
    inspected = [look for look in looks if not isinstance(look, Empty)]
    if empty and not inspected:
        raise DataError(next(iter(empty.values())).error)
    if empty:
        log(f"{field}: {first_few(list(empty), 3)} {'is' if len(empty) == 1 else 'are'} empty, and left out.")
    return inspected


def _layouts(stored: Sequence[pa.Schema], files: Sequence[File], kinds: Mapping[str, pa.DataType]) -> list[Layout]:
    """The different layouts of files with rows, each with the columns that the folders hold.

    ``stored``: the columns of each file.  ``kinds``: the types of those of folders; others are absent, and null.
    """
    layouts: dict[tuple[int, Sequence[str]], tuple[pa.Schema, str]] = {}
    for columns, file in zip(stored, files, strict=True):
        names = tuple(name for name, _ in file.partition)
        key = (id(columns), names)
        if file.groups and key not in layouts:
            own = {name: kinds.get(name, pa.null()) for name in names}
            if own:
                columns = pa.schema([*(f for f in columns if f.name not in own), *map(pa.field, own, own.values())])
            layouts[key] = (columns, file.url)
    return layouts_of(layouts.values())


def _find(paths: Sequence[str], field: str) -> list[str]:
    """The URLs of all files at these paths, in order."""
    urls: list[str] = []
    for path in paths:
        try:
            listed = storage.listing(path)
        except (OSError, ValueError) as exc:
            raise JobFileError(f"{field}: {path} can't be listed: {exc}") from exc
        if not listed.files and listed.left_out:
            raise JobFileError(
                f"{field}: there is no file to read at {path}, only {listed.describe_left_out()}; rename it, or name "
                "the files themselves."
            )
        if not listed.files:
            raise JobFileError(f"{field}: there is no file at {path}.")
        if listed.left_out:
            log(f"{field}: of {path} is left out: {listed.describe_left_out()}.")
        urls += listed.files
    twice = [url for url, times in Counter(urls).items() if times > 1]
    if twice:
        log(f"{field}: {len(twice)} files come more than once, and so do their rows: {', '.join(twice[:3])}.")
    return urls


def is_typed(dataset: Dataset) -> bool:
    """Tell whether the files say what types their columns have."""
    return reader_of(dataset.format, dataset.csv).TYPED


def read_group(dataset: Dataset, file: int, group: int, columns: pa.Schema) -> pa.Table:
    """Read the rows of one group that the dataset chooses, with these columns.

    DataError where the file can't be read or has changed.
    """
    chosen = dataset.selection
    if chosen is None:
        return read_stored(dataset, file, group, columns)
    number = dataset.first_groups[file] + group
    table = read_stored(dataset, file, group, chosen.columns_to_read(columns))
    return chosen.rows_of(table, number, dataset.files[file].url).select(columns.names)


def read_stored(
    dataset: Dataset, file: int, group: int, columns: pa.Schema, rows: tuple[int, int] | None = None
) -> pa.Table:
    """Read all rows of one group with these columns, as `read_group` does.

    ``rows``: the first one and the one behind the last, where others are not to be read; see `group_parts`.
    """
    entry = dataset.files[file]
    fs, path = storage.arrow(entry.url)
    own = columns_of_file(entry, columns)
    stored = names_in_file(columns_in_file(own, dataset.paths), entry)
    reader: Any = reader_of(dataset.format, dataset.csv)
    read = reader.read_rows if rows else reader.read
    try:
        table = read(fs, path, entry, group, stored, *(rows or ()))
    except OSError as exc:
        raise DataError(f"{entry.url} was there when the job began, but can't be read: {exc}") from exc
    if table.num_rows != (expected := rows[1] - rows[0] if rows else stored_rows(entry.groups[group])):
        raise changed(entry.url, f"group {group} had {expected} rows and has {table.num_rows}")
    table = names_of_table(rows_left(table, entry.groups[group]), entry)
    if table.schema.equals(columns):  # told at once of all columns, where each takes a look in what follows
        return table
    return types_of_table(readable_table(taken_apart(table, own, dataset.paths)), columns, entry)


def read_head(dataset: Dataset, columns: pa.Schema, rows: int) -> tuple[pa.Table, str]:
    """Read about so many rows from the start of a dataset, at least one, and the URL of their file."""
    if dataset.selection or any(group.deleted for file in dataset.files for group in file.groups):
        file, group = next(place for place, count in zip(dataset.places, dataset.group_rows, strict=True) if count)
        return read_group(dataset, file, group, columns).slice(0, rows), dataset.files[file].url
    entry = next(file for file in dataset.files if any(group.rows for group in file.groups))
    fs, path = storage.arrow(entry.url)
    own = columns_of_file(entry, columns)
    stored = names_in_file(columns_in_file(own, dataset.paths), entry)
    try:
        table = names_of_table(reader_of(dataset.format, dataset.csv).head(fs, path, entry, stored, rows), entry)
    except OSError as exc:
        raise DataError(f"{entry.url} was there a moment ago, but can't be read: {exc}") from exc
    return types_of_table(readable_table(taken_apart(table, own, dataset.paths)), columns, entry), entry.url


def _format_of(url: str, field: str) -> str:
    fs, path = storage.arrow(url)
    try:
        return format_of(url, fs, path, field)
    except OSError as exc:
        raise DataError(f"{field}: {url} can't be read: {exc}") from exc
