"""Find and inspect the files of a dataset, and read their groups: the shell around the formats."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from yarnml import storage
from yarnml.data import csv, parquet
from yarnml.data.base import Dataset, File, Format, changed
from yarnml.data.prepare.base import kind_of
from yarnml.data.schema import Feature, Schema
from yarnml.errors import DataError, JobFileError
from yarnml.job.spec import Data

FORMATS: dict[str, Format] = {"parquet": parquet, "csv": csv}
SUFFIXES = {".parquet": "parquet", ".parq": "parquet", ".pq": "parquet", ".csv": "csv"}


def inspect(paths: str | Sequence[str], format: str, field: str) -> tuple[Dataset, pa.Schema]:
    """Look into every file once, several at a time.  JobFileError names ``field`` when there is nothing to read."""
    urls: list[str] = []
    for path in [paths] if isinstance(paths, str) else paths:
        try:
            found = storage.find(path)
        except (OSError, ValueError) as exc:
            raise JobFileError(f"{field}: {path} can't be listed: {exc}") from exc
        if not found:
            raise JobFileError(f"{field}: there is no file at {path}.")
        urls += found
    name = format if format != "auto" else _guess(urls[0], field)
    reader = FORMATS[name]

    def look(url: str) -> tuple[pa.Schema, File]:
        fs, path = storage.arrow(url)
        try:
            return reader.inspect(fs, path, url)
        except OSError as exc:
            raise DataError(f"{field}: {url} can't be read: {exc}") from exc

    with ThreadPoolExecutor(16) as pool:
        looked = list(pool.map(look, urls))
    dataset = Dataset(name, tuple(file for _, file in looked))
    if not dataset.rows:
        raise DataError(f"{field}: {', '.join(urls[:3])} holds no rows.")
    first, whose = next((schema, file.url) for schema, file in looked if file.groups)
    for schema, file in looked:
        if schema.names != first.names:
            odd = sorted(set(schema.names) ^ set(first.names)) or ["the order of columns"]
            raise DataError(f"{field}: {file.url} and {whose} differ in their columns: {', '.join(odd)}.")
    return dataset, first


def types_to_read(data: Data, dataset: Dataset, stored: pa.Schema) -> pa.Schema:
    """The stored columns; where the format only guesses their types, each is read as what it is used for."""
    if FORMATS[dataset.format].TYPED:
        return stored
    wanted = {name: pa.float64() for name in [*data.features, data.weight]}
    wanted |= {data.label: pa.float64()} if data.label_type == "number" else {}
    wanted |= {name: kind_of(step).READ for step in data.prepare for name in step.columns}
    return pa.schema([_as_wanted(f, wanted[f.name]) if f.name in wanted else f for f in stored])


def read_group(dataset: Dataset, file: int, group: int, columns: pa.Schema) -> pa.Table:
    """One group of rows with these columns; DataError where the file can't be read or is not what it was."""
    entry = dataset.files[file]
    fs, path = storage.arrow(entry.url)
    try:
        table = FORMATS[dataset.format].read(fs, path, entry, group, columns)
    except OSError as exc:
        raise DataError(f"{entry.url} was there when the job began, but can't be read: {exc}") from exc
    if table.num_rows != entry.groups[group].rows:
        raise changed(entry.url, f"group {group} had {entry.groups[group].rows} rows and has {table.num_rows}")
    return table


def with_widths(schema: Schema, dataset: Dataset, stored: pa.Schema) -> Schema:
    """Fill in the width of variable-length list columns from the first row; later rows must agree."""
    names = [f.name for f in schema.features if not f.width and not f.steps]
    if not names:
        return schema
    file, group = next((f, g) for f, e in enumerate(dataset.files) for g, at in enumerate(e.groups) if at.rows)
    table = read_group(dataset, file, group, pa.schema([stored.field(n) for n in names]))
    widths = {n: pc.list_value_length(table.column(n)[:1].combine_chunks())[0].as_py() for n in names}
    for name, width in widths.items():
        if not width:
            raise DataError(f"{dataset.files[file].url}: the first row of column '{name}' holds no list of numbers.")
    features = tuple(Feature(f.name, widths.get(f.name, f.width), f.steps) for f in schema.features)
    return msgspec.structs.replace(schema, features=features)


def _as_wanted(guessed: pa.Field, wanted: pa.DataType | None) -> pa.Field:
    """With the type that is wanted; where any value will do, what is no number or boolean is text."""
    if wanted is None:
        kept = pa.types.is_integer(guessed.type) or pa.types.is_floating(guessed.type)
        wanted = guessed.type if kept else pa.string()
    return guessed if pa.types.is_boolean(guessed.type) else guessed.with_type(wanted)


def _guess(url: str, field: str) -> str:
    for suffix, name in SUFFIXES.items():
        if url.lower().endswith(suffix):
            return name
    raise JobFileError(
        f"{field}: the format of {url} can't be told from its name; set data.format to {' or '.join(FORMATS)}."
    )
