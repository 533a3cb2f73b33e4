"""Columns that only some files of a table have, where the others have nulls: tables grow, and JSON leaves nulls out.

A column that a file lacks is kept as one of its folders whose value is null.
"""

from collections.abc import Collection, Sequence

import pyarrow as pa
from msgspec.structs import replace

from yarnml.data.base import File
from yarnml.data.elements import name_of
from yarnml.data.nested import Paths


def with_absent(stored: Sequence[pa.Schema], files: Sequence[File], defaults: Collection[str]) -> list[File]:
    """The files, each with the columns that it lacks.

    ``stored``: the columns of each.
    ``defaults``: columns that have another value than null where a file lacks them, and are left out.
    """
    names = list(dict.fromkeys(name for columns in stored for name in columns.names if name not in defaults))
    return [_lacking(file, names, set(columns.names)) for columns, file in zip(stored, files, strict=True)]


def with_absent_elements(files: Sequence[File], paths: Paths) -> list[File]:
    """The files, each with the elements of the columns that it lacks."""
    return [_lacking(file, _elements(file, paths)) for file in files] if paths else [*files]


def _elements(file: File, paths: Paths) -> list[str]:
    absent = {name for name, value in file.partition if value is None}
    return [name_of(path) for path in paths if path[0] in absent]


def _lacking(file: File, names: Sequence[str], stored: Collection[str] = ()) -> File:
    """The file with those of these columns that it has neither ``stored`` nor in its folders, in their order."""
    present = {*stored, *(name for name, _ in file.partition)}
    absent = [(name, None) for name in names if name not in present]
    return replace(file, partition=(*file.partition, *absent)) if absent else file
