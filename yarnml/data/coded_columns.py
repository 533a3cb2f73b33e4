"""Columns of text that are read as dictionaries: each different text once, and for every row its place among these."""

from collections.abc import Container

import pyarrow as pa

from yarnml.data.arrays import is_text, one_array

_CODED = {b"yarnml": b"dictionary"}
"""Metadata of a field."""


def with_coded(columns: pa.Schema, names: Container[str]) -> pa.Schema:
    """Ask for those of these columns that hold text as dictionaries, of a format that has such."""
    return pa.schema([f.with_metadata(_CODED) if f.name in names and is_text(f.type) else f for f in columns])


def coded_names(columns: pa.Schema) -> list[str]:
    """The columns that are asked for as dictionaries."""
    return [field.name for field in columns if field.metadata == _CODED]


def coded_array(column: pa.ChunkedArray) -> pa.Array:
    """A column as `one_array` gives it, but a dictionary of texts that has no more of them than there are rows."""
    if pa.types.is_dictionary(column.type) and is_text(column.type) and column.num_chunks == 1:
        (array,) = column.chunks
        if len(array.dictionary) <= len(array) and not array.dictionary.null_count:
            return array
    return one_array(column)
