"""Find and inspect the files of a dataset, and read their groups: the shell around the formats."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa

from yarnml import storage
from yarnml.data import csv, parquet
from yarnml.data.base import Dataset, File, Format, changed
from yarnml.data.prepare.base import kind_of
from yarnml.errors import DataError, JobFileError
from yarnml.events.log import log
from yarnml.job.spec import Data

FORMATS: dict[str, Format] = {"parquet": parquet, "csv": csv}
MAX_FILES_AT_ONCE = 16
SUFFIXES = {".parquet": "parquet", ".parq": "parquet", ".pq": "parquet", ".csv": "csv"}


def inspect(paths: str | Sequence[str], format: str, field: str) -> tuple[Dataset, pa.Schema]:
    """Look into every file once, several at a time; return the dataset and its stored columns.

    ``format``: a name of `FORMATS`, or auto.
    ``field``: of the job file; JobFileError names it when there is nothing to read.
    """
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
    columns, first_url = next((schema, file.url) for schema, file in inspected if file.groups)
    for schema, file in inspected:
        if schema.names != columns.names:
            odd = sorted(set(schema.names) ^ set(columns.names)) or ["the order of columns"]
            raise DataError(f"{field}: {file.url} and {first_url} differ in their columns: {', '.join(odd)}.")
    return dataset, columns


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
    return urls


def types_to_read(data: Data, dataset: Dataset, stored: pa.Schema) -> pa.Schema:
    """The stored columns; where the format only guesses their types, each with the type that it is used as."""
    if FORMATS[dataset.format].TYPED:
        return stored
    types: dict[str | None, pa.DataType | None] = {name: pa.float64() for name in [*data.features, data.weight]}
    types |= {data.label: pa.float64()} if data.label_type == "number" else {}
    types |= {name: kind_of(step).READ for step in data.prepare for name in step.columns}
    return pa.schema([_with_type(f, types[f.name]) if f.name in types else f for f in stored])


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
    return table


def read_head(dataset: Dataset, columns: pa.Schema, rows: int) -> tuple[pa.Table, str]:
    """Read about so many rows from the start of a dataset, at least one, and the URL of their file."""
    entry = next(file for file in dataset.files if any(group.rows for group in file.groups))
    fs, path = storage.arrow(entry.url)
    try:
        return FORMATS[dataset.format].head(fs, path, entry, columns, rows), entry.url
    except OSError as exc:
        raise DataError(f"{entry.url} was there a moment ago, but can't be read: {exc}") from exc


def _with_type(guessed: pa.Field, kind: pa.DataType | None) -> pa.Field:
    """A column with the type to read it as; None: any value will do, and what is no number or boolean is text."""
    if pa.types.is_boolean(guessed.type):
        return guessed
    if kind is None:
        is_number = pa.types.is_integer(guessed.type) or pa.types.is_floating(guessed.type)
        kind = guessed.type if is_number else pa.string()
    return guessed.with_type(kind)


def _format_of(url: str, field: str) -> str:
    """The format that the end of a file's name tells."""
    for suffix, name in SUFFIXES.items():
        if url.lower().endswith(suffix):
            return name
    raise JobFileError(
        f"{field}: the format of {url} can't be told from its name; set data.format to {' or '.join(FORMATS)}."
    )
