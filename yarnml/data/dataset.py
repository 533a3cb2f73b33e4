"""Find and inspect the files of a dataset, and read their groups: the shell around the formats."""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa

from yarnml import storage
from yarnml.data import csv, parquet
from yarnml.data.base import Dataset, File, Format, changed
from yarnml.data.layouts import Layout, common_columns, layouts_of
from yarnml.errors import DataError, JobFileError
from yarnml.events.log import log

FORMATS: dict[str, Format] = {"parquet": parquet, "csv": csv}
MAX_FILES_AT_ONCE = 16
UNREAD = (".gz", ".bz2", ".zst", ".lz4", ".xz", ".snappy", ".zip", ".orc", ".avro", ".json", ".jsonl", ".xlsx")
"""Endings of names of compressed files and of other formats, which are refused with what they are."""

SUFFIXES = {".parquet": "parquet", ".parq": "parquet", ".pq": "parquet", ".csv": "csv"}


def inspect(paths: str | Sequence[str], format: str, field: str) -> tuple[Dataset, pa.Schema]:
    """Look into every file once, several at a time; return the dataset and the columns that all files have.

    ``format``: a name of `FORMATS`, or auto.
    ``field``: of the job file; JobFileError names it when there is nothing to read.
    """
    dataset, layouts = inspect_layouts(paths, format, field)
    return dataset, common_columns(layouts)


def inspect_layouts(paths: str | Sequence[str], format: str, field: str) -> tuple[Dataset, list[Layout]]:
    """Look into every file once, as `inspect` does; return the dataset and the different layouts of its files."""
    urls = _find([paths] if isinstance(paths, str) else paths, field)
    name = format if format != "auto" else _format_of(urls[0], field)
    reader = FORMATS[name]

    def inspect_file(url: str) -> tuple[pa.Schema, File]:
        fs, path = storage.arrow(url)
        try:
            return reader.inspect(fs, path, url)
        except OSError as exc:
            raise DataError(f"{field}: {url} can't be read: {exc}") from exc

    with ThreadPoolExecutor(MAX_FILES_AT_ONCE) as pool:
        inspected = list(pool.map(inspect_file, urls))
    dataset = Dataset(name, tuple(file for _, file in inspected))
    if not dataset.rows:
        raise DataError(f"{field}: {', '.join(urls[:3])} holds no rows.")
    return dataset, layouts_of((schema, file.url) for schema, file in inspected if file.groups)


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
    return FORMATS[dataset.format].TYPED


def read_group(dataset: Dataset, file: int, group: int, columns: pa.Schema) -> pa.Table:
    """Read one group of rows with these columns; DataError where the file can't be read or has changed."""
    entry = dataset.files[file]
    fs, path = storage.arrow(entry.url)
    try:
        table = FORMATS[dataset.format].read(fs, path, entry, group, columns)
    except OSError as exc:
        raise DataError(f"{entry.url} was there when the job began, but can't be read: {exc}") from exc
    if table.num_rows != entry.groups[group].rows:
        raise changed(entry.url, f"group {group} had {entry.groups[group].rows} rows and has {table.num_rows}")
    return _with_types(table, columns)


def _with_types(table: pa.Table, columns: pa.Schema) -> pa.Table:
    """Give nulls and booleans of this file the type that they have in others, where they are something else there."""
    types = dict(zip(columns.names, columns.types, strict=True))
    for place, field in enumerate(table.schema):
        kind = types[field.name]
        is_other = pa.types.is_boolean(field.type) and pa.types.is_floating(kind)
        if is_other or (pa.types.is_null(field.type) and not pa.types.is_null(kind)):
            table = table.set_column(place, field.name, table.column(place).cast(kind))
    return table


def read_head(dataset: Dataset, columns: pa.Schema, rows: int) -> tuple[pa.Table, str]:
    """Read about so many rows from the start of a dataset, at least one, and the URL of their file."""
    entry = next(file for file in dataset.files if any(group.rows for group in file.groups))
    fs, path = storage.arrow(entry.url)
    try:
        table = FORMATS[dataset.format].head(fs, path, entry, columns, rows)
    except OSError as exc:
        raise DataError(f"{entry.url} was there a moment ago, but can't be read: {exc}") from exc
    return _with_types(table, columns), entry.url


def _format_of(url: str, field: str) -> str:
    """The format that the end of a file's name tells."""
    for suffix, name in SUFFIXES.items():
        if url.lower().endswith(suffix):
            return name
    for suffix in UNREAD:
        if url.lower().endswith(suffix):
            raise JobFileError(f"{field}: {url} can't be read as {suffix[1:]}; store it as {' or '.join(FORMATS)}.")
    raise JobFileError(
        f"{field}: the format of {url} can't be told from its name; set data.format to {' or '.join(FORMATS)}."
    )
