"""Parts of nested columns as columns of their own: of structs all, by path, of lists and maps those that are named."""

from collections.abc import Collection, Iterable, Sequence

import pyarrow as pa

from yarnml.data.elements import Path, find_path, name_of, picked
from yarnml.data.vectors import LISTS, MAPS, as_lists, as_maps, is_vector

Paths = tuple[Path, ...]
"""The paths of parts, each from the name of a column on."""


def with_parts(columns: pa.Schema) -> pa.Schema:
    """The columns, vectors as lists, and behind them the parts of structs, but for one whose name a column has."""
    if not _has_structs(columns):
        return columns
    columns = pa.schema([field.with_type(LISTS) if is_vector(field.type) else field for field in columns])
    parts = [(name_of(path), kind) for path, kind in _parts(columns)]
    return pa.schema([*columns, *(pa.field(name, kind) for name, kind in parts if name not in columns.names)])


def paths_of(schemas: Iterable[pa.Schema]) -> Paths:
    """The paths of all parts of structs among these columns."""
    paths: dict[str, Path] = {}
    for columns in filter(_has_structs, schemas):
        plain = set(columns.names)
        for path, _ in _parts(columns):
            if (name := name_of(path)) not in plain:
                paths[name] = path
    return tuple(paths.values())


def columns_in_file(columns: pa.Schema, paths: Paths) -> pa.Schema:
    """The columns to read for these: structs in the place of their parts, with no more parts than are needed."""
    by_name = {name_of(path): path for path in paths}
    if not by_name.keys() & set(columns.names):
        return columns
    plain = {field.name: field.type for field in columns if field.name not in by_name}
    parts = [(by_name[field.name], field.type) for field in columns if field.name in by_name]
    whole = [field for field in _type_of(parts) if field.name not in plain]
    return pa.schema([*plain.items(), *whole])


def _type_of(parts: Sequence[tuple[Path, pa.DataType]]) -> pa.DataType:
    """The type of a value that holds what these paths lead to, and nothing else."""
    ends = [kind for path, kind in parts if not path]
    if ends:
        return ends[0]
    by_step: dict[str | int, list[tuple[Path, pa.DataType]]] = {}
    for path, kind in parts:
        step = 0 if isinstance(path[0], int) else path[0]
        by_step.setdefault(step, []).append((path[1:], kind))
    if 0 in by_step:
        return pa.list_(_type_of(by_step[0]))
    return pa.struct([(str(name), _type_of(inner)) for name, inner in by_step.items()])


def taken_apart(table: pa.Table, columns: pa.Schema, paths: Paths) -> pa.Table:
    """The table with these columns alone, parts of structs among them; a part of null is null.

    Vectors are lists, or maps where the column shall be one.
    """
    maps = {field.name for field in columns if field.type == MAPS}
    table = _without_vectors(table, maps)
    by_name = {name_of(path): path for path in paths}
    if not by_name.keys() & set(columns.names):
        return table if table.num_columns == len(columns) else table.select(columns.names)
    arrays = []
    for name in columns.names:
        path = by_name.get(name, (name,))
        column = picked(table.column(str(path[0])), path[1:])
        if is_vector(column.type):
            column = as_maps(column) if name in maps else as_lists(column, name)
        arrays.append(column)
    return pa.table(arrays, names=columns.names)


def columns_with_elements(columns: pa.Schema, paths: Paths, names: Iterable[str]) -> tuple[pa.Schema, Paths]:
    """The columns, and behind them the elements of lists and maps that have these names; and the paths of all.

    ``paths``: of the parts that are among the columns already.
    """
    parts = set(map(name_of, paths))
    present = set(columns.names)
    stored = pa.schema([field for field in columns if field.name not in parts])
    kinds = dict(filter(None, (find_path(name, stored) for name in dict.fromkeys(names) if name not in present)))
    added = [pa.field(name_of(path), kind) for path, kind in kinds.items()]
    return pa.schema([*columns, *added]), (*paths, *(path for path in kinds if path not in paths))


def with_named_parts(table: pa.Table, names: Collection[str], maps: Collection[str] = ()) -> pa.Table:
    """A table of a program, and behind its columns the parts of its structs that have these names.

    ``maps``: the columns whose vectors become maps.
    """
    table = _without_vectors(table, maps)
    missing = set(names) - set(table.column_names)
    ends = [find_path(name, table.schema) for name in names if name in missing]
    paths = tuple(path for path, _ in filter(None, ends))
    if not paths:
        return table
    all_names = [*table.column_names, *map(name_of, paths)]
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


def _parts(columns: Iterable[pa.Field], above: Path = ()) -> Iterable[tuple[Path, pa.DataType]]:
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
