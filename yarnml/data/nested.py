"""Parts of structs as columns of their own, by path: ``address.zip`` is the field ``zip`` of the column ``address``."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from yarnml.data.vectors import LISTS, MAPS, as_lists, as_maps, is_vector

Paths = tuple[tuple[str, ...], ...]
"""The paths of parts, each from the name of a column on; joined by dots they are the parts' names."""


def with_parts(columns: pa.Schema) -> pa.Schema:
    """The columns, vectors as lists, and behind them the parts of structs, but for one whose name a column has."""
    if not _has_structs(columns):
        return columns
    columns = pa.schema([field.with_type(LISTS) if is_vector(field.type) else field for field in columns])
    parts = [(".".join(path), kind) for path, kind in _parts(columns)]
    return pa.schema([*columns, *(pa.field(name, kind) for name, kind in parts if name not in columns.names)])


def paths_of(schemas: Iterable[pa.Schema], names: Collection[str] | None = None) -> Paths:
    """The paths of all parts of these columns; with ``names`` of these parts alone."""
    paths: dict[str, tuple[str, ...]] = {}
    for columns in filter(_has_structs, schemas):
        plain = set(columns.names)
        for path, _ in _parts(columns):
            if (name := ".".join(path)) not in plain:
                paths[name] = path
    return tuple(path for name, path in paths.items() if names is None or name in names)


def columns_in_file(columns: pa.Schema, paths: Paths) -> pa.Schema:
    """The columns to read for these: structs in the place of their parts, with no more parts than are needed."""
    by_name = {".".join(path): path for path in paths}
    if not by_name.keys() & set(columns.names):
        return columns
    plain: dict[str, pa.DataType] = {}
    nested: dict[str, dict[str, Any]] = {}
    for field in columns:
        path = by_name.get(field.name)
        if path is None:
            plain[field.name] = field.type
            continue
        place = nested
        for name in path[:-1]:
            place = place.setdefault(name, {})
        place[path[-1]] = field.type
    structs = {name: _struct(parts) for name, parts in nested.items() if name not in plain}
    return pa.schema([*plain.items(), *structs.items()])


def taken_apart(table: pa.Table, columns: pa.Schema, paths: Paths) -> pa.Table:
    """The table with these columns alone, parts of structs among them; a part of null is null.

    Vectors are lists, or maps where the column shall be one.
    """
    maps = {field.name for field in columns if field.type == MAPS}
    table = _without_vectors(table, maps)
    by_name = {".".join(path): path for path in paths}
    if not by_name.keys() & set(columns.names):
        return table if table.num_columns == len(columns) else table.select(columns.names)
    arrays = []
    for name in columns.names:
        path = by_name.get(name)
        column = table.column(path[0] if path else name)
        for part in path[1:] if path else ():
            column = pc.struct_field(column, part)
        if is_vector(column.type):
            column = as_maps(column) if name in maps else as_lists(column, name)
        arrays.append(column)
    return pa.table(arrays, names=columns.names)


def with_named_parts(table: pa.Table, names: Collection[str], maps: Collection[str] = ()) -> pa.Table:
    """A table of a program, and behind its columns the parts of its structs that have these names.

    ``maps``: the columns whose vectors become maps.
    """
    table = _without_vectors(table, maps)
    missing = set(names) - set(table.column_names)
    paths = paths_of([table.schema], missing) if missing else ()
    if not paths:
        return table
    all_names = [*table.column_names, *(".".join(path) for path in paths)]
    return taken_apart(table, pa.schema([(name, MAPS if name in maps else pa.null()) for name in all_names]), paths)


def _without_vectors(table: pa.Table, maps: Collection[str]) -> pa.Table:
    """The table with the vectors of its columns as lists, or of these columns as maps."""
    if not _has_structs(table.schema):
        return table
    for place, field in enumerate(table.schema):
        if is_vector(field.type):
            column = table.column(place)
            made = as_maps(column) if field.name in maps else as_lists(column, field.name)
            table = table.set_column(place, field.name, made)
    return table


def _has_structs(columns: pa.Schema) -> bool:
    """Tell whether there is anything to take apart; a look at every field costs much where files are many and wide."""
    return any(map(pa.types.is_struct, columns.types))


def _struct(parts: Mapping[str, Any]) -> pa.DataType:
    return pa.struct([(name, _struct(kind) if isinstance(kind, dict) else kind) for name, kind in parts.items()])


def _parts(columns: Iterable[pa.Field], above: tuple[str, ...] = ()) -> Iterable[tuple[tuple[str, ...], pa.DataType]]:
    """The path and the type of every part of a struct that is none itself."""
    for field in columns:
        path = (*above, field.name)
        if is_vector(field.type):
            if above:
                yield path, LISTS
        elif pa.types.is_struct(field.type):
            yield from _parts([field.type.field(n) for n in range(field.type.num_fields)], path)
        elif above:
            yield path, field.type
