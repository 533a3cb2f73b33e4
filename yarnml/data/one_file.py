"""One file of a table: its names and types of the columns, and those that all of the table have."""

import pyarrow as pa

from yarnml.data.base import File
from yarnml.data.layouts import content
from yarnml.data.partitions import with_partition
from yarnml.data.types import as_type


def columns_of_file(entry: File, columns: pa.Schema) -> pa.Schema:
    """The columns without those that the folders of the file hold."""
    names = {name for name, _ in entry.partition}
    return pa.schema([field for field in columns if field.name not in names]) if names else columns


def names_in_file(columns: pa.Schema, entry: File) -> pa.Schema:
    """The columns by their names in this file."""
    names = dict(entry.names)
    return pa.schema([f.with_name(names.get(f.name, f.name)) for f in columns]) if names else columns


def names_of_table(table: pa.Table, entry: File) -> pa.Table:
    """The rows of this file with the names that the table has for its columns."""
    names = {stored: name for name, stored in entry.names}
    return table.rename_columns([names.get(name, name) for name in table.column_names]) if names else table


def types_of_table(table: pa.Table, columns: pa.Schema, entry: File) -> pa.Table:
    """Give columns of this file the types that they have in others, or by ``data.types``, and add those of its folders.

    Fractions and whole numbers, texts, and lists are alike to those who read them, and stay as they are.
    """
    if table.schema.equals(columns):
        return table
    types = dict(zip(columns.names, columns.types, strict=True))
    for place, field in enumerate(table.schema):
        kind = types[field.name]
        is_wider = field.type != kind and pa.types.is_integer(field.type) and pa.types.is_integer(kind)
        if is_wider or content(field.type) != content(kind):
            column = as_type(table.column(place), kind, field.name, entry.url)
            table = table.set_column(place, field.name, column)
    table = with_partition(table, entry.partition, columns, entry.url)
    return table.select(columns.names) if entry.partition else table
