"""One pass over data of which nothing is known: every column of every group, read once, in bounded memory."""

from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial, reduce
from itertools import accumulate
from typing import NamedTuple

import pyarrow as pa
from msgspec import Struct
from msgspec.structs import replace

from yarnml.data.base import Dataset
from yarnml.data.dataset import inspect_layouts, is_typed, read_group
from yarnml.data.formats.csv import BackslashQuotes
from yarnml.data.layouts import common_columns
from yarnml.data.look.counts import ColumnCounter, ColumnCounts, limits_of
from yarnml.data.look.facts import ColumnFacts, facts_of
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


class Subject(NamedTuple):
    """Data that were found and are to be looked at.

    ``read``: the first groups of the dataset, which are read.
    ``columns``: to read, with the types to read them in.
    ``guessed``: those that hold text which may be numbers, since the files say no types.
    ``partial``: columns that only some files have.
    """

    paths: list[str]
    csv: Csv | None
    dataset: Dataset
    read: Dataset
    columns: pa.Schema
    guessed: list[str]
    partial: list[str]


def look(paths: Sequence[str], format: str, field: str, csv: Csv | None, max_rows: int | None) -> Look:
    """Look into data in this process; for the arguments see `find_subject`."""
    subject = find_subject(paths, format, field, csv, max_rows)
    return as_look(subject, count_columns(subject.read, subject.read.places, subject.columns, subject.guessed))


def find_subject(paths: Sequence[str], format: str, field: str, csv: Csv | None, max_rows: int | None) -> Subject:
    """Look into the files, and choose what to read of them; errors name ``field``.

    Texts of CSV with backslashes before their quotes, as Spark writes them, are read as such.

    ``max_rows``: about how many rows to read, None for all; whole groups are read.
    """
    try:
        dataset, layouts = inspect_layouts(paths, format, field, csv)
    except BackslashQuotes:
        csv = replace(csv or Csv(), escape="\\")
        dataset, layouts = inspect_layouts(paths, format, field, csv)
    stored = common_columns(layouts)
    is_untyped = not is_typed(dataset)
    folders = {name for file in dataset.files for name, _ in file.partition}
    columns = pa.schema([f.with_type(pa.string()) if is_untyped and _may_be_text(f, folders) else f for f in stored])
    guessed = [f.name for f in columns if is_untyped and pa.types.is_string(f.type)]
    read = dataset if max_rows is None else _head(dataset, max_rows)
    return Subject(list(paths), csv, dataset, read, columns, guessed, left_out_columns(layouts))


def count_columns(
    dataset: Dataset,
    places: Iterable[tuple[int, int]],
    columns: pa.Schema,
    guessed: Collection[str],
    on_group: Callable[[tuple[int, int]], None] = lambda place: None,
) -> list[ColumnCounts]:
    """Count all columns of some groups, each a file and its group, in order; the next one is read meanwhile.

    ``on_group`` is called after each.
    """
    limits = limits_of(len(columns))
    counters = [ColumnCounter(f, f.name in guessed, limits) for f in columns]
    for place, table in prefetch(partial(_read, dataset, columns), places, max_items=1):
        for name, counter in zip(columns.names, counters, strict=True):
            counter.add(table.column(name))
        on_group(place)
    return [counter.counts for counter in counters]


def merge_counts(parts: Iterable[list[ColumnCounts]]) -> list[ColumnCounts]:
    """The counts of several parts of the groups, in any order; there is one part or more."""
    return reduce(lambda a, b: [x.merged(y) for x, y in zip(a, b, strict=True)], parts)


def as_look(subject: Subject, counts: Sequence[ColumnCounts]) -> Look:
    """The look that the counts of all groups make; ``counts``: one for each column."""
    dataset = subject.dataset
    limits = limits_of(len(subject.columns))
    return Look(
        subject.paths,
        dataset.format,
        subject.csv,
        len(dataset.files),
        sum(file.size for file in dataset.files),
        len(dataset.group_rows),
        dataset.rows,
        subject.read.rows,
        [facts_of(f, f.name in subject.guessed, own, limits) for f, own in zip(subject.columns, counts, strict=True)],
        subject.partial,
    )


def _may_be_text(field: pa.Field, folders: set[str]) -> bool:
    """Tell whether a column of a file that says no types can be read as text; those of folders have types."""
    return field.name not in folders and not pa.types.is_binary(field.type)


def _head(dataset: Dataset, max_rows: int) -> Dataset:
    """The first groups of a dataset, as few as have so many rows."""
    files = []
    left = max_rows
    for file in dataset.files:
        before = [0, *accumulate(group.rows for group in file.groups)]
        groups = tuple(group for group, rows in zip(file.groups, before, strict=False) if rows < left)
        left -= before[len(groups)]
        files.append(replace(file, groups=groups))
        if left <= 0:
            break
    return replace(dataset, files=tuple(files))


def _read(dataset: Dataset, columns: pa.Schema, place: tuple[int, int]) -> pa.Table:
    return read_group(dataset, *place, columns)
