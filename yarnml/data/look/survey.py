"""One pass over data of which nothing is known: every column of every group, read once, in bounded memory."""

from collections.abc import Sequence
from functools import partial

import pyarrow as pa
from msgspec import Struct
from msgspec.structs import replace

from yarnml.data.base import Dataset
from yarnml.data.dataset import inspect_layouts, is_typed, read_group
from yarnml.data.formats.csv import BackslashQuotes
from yarnml.data.layouts import common_columns
from yarnml.data.look.facts import ColumnCounter, ColumnFacts
from yarnml.data.prefetch import prefetch
from yarnml.data.resolution import left_out_columns
from yarnml.job.csv import Csv


class Look(Struct, frozen=True):
    """``paths``: of the data.  ``size``: bytes.  ``read``: rows that the facts are about.

    ``partial``: columns that only some files have.
    """

    paths: list[str]
    format: str
    csv: Csv | None
    files: int
    size: int
    groups: int
    rows: int
    read: int
    columns: list[ColumnFacts]
    partial: list[str]


def look(paths: Sequence[str], format: str, field: str, csv: Csv | None, max_rows: int | None) -> Look:
    """Look into data; errors name ``field``.

    Texts of CSV with backslashes before their quotes, as Spark writes them, are read as such.

    ``max_rows``: about how many rows to read, None for all; whole groups are read.
    """
    try:
        dataset, layouts = inspect_layouts(paths, format, field, csv)
    except BackslashQuotes:
        csv = replace(csv or Csv(), escape="\\")
        dataset, layouts = inspect_layouts(paths, format, field, csv)
    stored = common_columns(layouts)
    guessed = not is_typed(dataset)
    folders = {name for file in dataset.files for name, _ in file.partition}
    columns = pa.schema([f.with_type(pa.string()) if guessed and _may_be_text(f, folders) else f for f in stored])
    counters = [ColumnCounter(f, guessed and pa.types.is_string(f.type)) for f in columns]
    read = 0
    for _, table in prefetch(partial(_read, dataset, columns), _places(dataset, max_rows), max_items=1):
        read += table.num_rows
        for name, counter in zip(columns.names, counters, strict=True):
            counter.add(table.column(name))
    return Look(
        list(paths),
        dataset.format,
        csv,
        len(dataset.files),
        sum(file.size for file in dataset.files),
        len(dataset.group_rows),
        dataset.rows,
        read,
        [counter.facts() for counter in counters],
        left_out_columns(layouts),
    )


def _may_be_text(field: pa.Field, folders: set[str]) -> bool:
    """Tell whether a column of a file that says no types can be read as text; those of folders have types."""
    return field.name not in folders and not pa.types.is_binary(field.type)


def _places(dataset: Dataset, max_rows: int | None) -> list[tuple[int, int]]:
    """The groups to read, from the first one on, as file and group."""
    places: list[tuple[int, int]] = []
    rows = 0
    for number, file in enumerate(dataset.files):
        for group, place in enumerate(file.groups):
            if max_rows is not None and rows >= max_rows:
                return places
            places.append((number, group))
            rows += place.rows
    return places


def _read(dataset: Dataset, columns: pa.Schema, place: tuple[int, int]) -> pa.Table:
    return read_group(dataset, *place, columns)
