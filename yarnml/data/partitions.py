"""Columns that the folders of a file hold, as Hive and Spark write them: ``country=DE/day=2026-01-01/part.orc``."""

import re
from collections.abc import Collection, Iterable
from urllib.parse import unquote

import pyarrow as pa

from yarnml.errors import DataError

Partition = tuple[tuple[str, str | None], ...]
"""The columns of a file's folders, from the outermost on, each with its value as text."""

NULLS = ("__HIVE_DEFAULT_PARTITION__", "")
"""The folder of the rows that have no value in the column, and what a few engines write in its place."""

_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_FRACTION = re.compile(r"-?[0-9]{1,15}\.[0-9]{1,15}")


def partition_of(url: str) -> Partition:
    """The columns that the folders of a file's URL hold; of one that comes twice the innermost."""
    pairs: dict[str, str | None] = {}
    for folder in url.partition("://")[2].split("/")[:-1] if "://" in url else url.split("/")[:-1]:
        key, equals, value = folder.partition("=")
        if equals and key:
            pairs[unquote(key)] = None if value in NULLS else unquote(value)
    return tuple(pairs.items())


def partition_fields(partitions: Iterable[Partition]) -> dict[str, pa.DataType]:
    """The type of each column, by the values that all files have: whole numbers, fractions, or text.

    Digits with leading zeros are text, so that codes stay as they are.
    """
    values: dict[str, set[str]] = {}
    for partition in partitions:
        for key, value in partition:
            values.setdefault(key, set()).update([] if value is None else [value])
    return {key: _type_of(texts) for key, texts in values.items()}


def with_partition(table: pa.Table, partition: Partition, columns: pa.Schema, url: str) -> pa.Table:
    """The table with those of ``columns`` that the folders hold; they come in place of ones in the file."""
    for key, value in partition:
        if key not in columns.names:
            continue
        kind = columns.field(key).type
        try:
            scalar = pa.scalar(None, kind) if value is None else pa.scalar(value, pa.string()).cast(kind)
        except pa.ArrowException as exc:
            raise DataError(f"{url}: the folder {key}={value} can't be read as {kind}; see data.types.") from exc
        array = pa.repeat(scalar, table.num_rows)
        if key in table.column_names:
            table = table.drop_columns(key)
        table = table.append_column(key, array)
    return table


def used_partition(partition: Partition, names: Collection[str]) -> Partition:
    """The columns of these names alone: a file may be moved, as long as what is used stays."""
    return tuple((key, value) for key, value in partition if key in names)


def constant_partitions(partitions: Iterable[Partition]) -> set[str]:
    """The columns of folders that have one value in all files."""
    values: dict[str, list[str | None]] = {}
    files = 0
    for partition in partitions:
        files += 1
        for key, value in partition:
            values.setdefault(key, []).append(value)
    return {key for key, by_file in values.items() if len(by_file) == files and len({*by_file}) == 1}


def _type_of(texts: set[str]) -> pa.DataType:
    if texts and all(map(_WHOLE.fullmatch, texts)):
        return pa.int64()
    if texts and all(_WHOLE.fullmatch(text) or _FRACTION.fullmatch(text) for text in texts):
        return pa.float64()
    return pa.string()
