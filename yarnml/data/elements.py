"""Paths into nested columns: ``address.zip`` of a struct, ``tags[0]`` of a list, ``colours.sky`` of a map."""

import re
from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from yarnml.data.arrays import is_list, one_array, plain_type
from yarnml.data.vectors import LISTS, as_lists, is_vector

Path = tuple[str | int, ...]
"""The way to a value, from the name of a column on: fields of structs, keys of maps, and places in lists from 0 on."""

_PLACE = re.compile(r"\[(\d{1,9})\]")
_NAME = re.compile(r"\.([^.\[\]]+)")


def name_of(path: Path) -> str:
    """The name of what a path leads to, as a job file has it."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def find_path(name: str, columns: pa.Schema) -> tuple[Path, pa.DataType] | None:
    """The path that a name means among these columns, and the type of its values; None where it means none."""
    for place, sign in enumerate(name):
        if sign in ".[" and columns.names.count(name[:place]) == 1:
            end = _walk((name[:place],), name[place:], columns.field(name[:place]).type)
            if end is not None:
                return end
    return None


def _walk(path: Path, rest: str, kind: pa.DataType) -> tuple[Path, pa.DataType] | None:
    """Follow the rest of a name from a value of this type on."""
    kind = LISTS if is_vector(kind) else kind
    if not rest:
        return path, kind
    for step, left, inner in _steps(rest, plain_type(kind)):
        end = _walk((*path, step), left, inner)
        if end is not None:
            return end
    return None


def _steps(rest: str, kind: pa.DataType) -> Iterable[tuple[str | int, str, pa.DataType]]:
    """The steps that the rest of a name may begin with, each with what it leaves and the type that it leads to."""
    place = _PLACE.match(rest)
    name = _NAME.match(rest)
    if pa.types.is_struct(kind):
        fields = [kind.field(n) for n in range(kind.num_fields)]
        yield from ((f.name, rest[len(f.name) + 1 :], f.type) for f in fields if rest.startswith(f".{f.name}"))
    elif pa.types.is_map(kind) and not pa.types.is_nested(kind.item_type):
        if rest.startswith(".") and len(rest) > 1:  # a key may hold any signs
            yield rest[1:], "", kind.item_type
    elif pa.types.is_map(kind) and name:
        yield name[1], rest[name.end() :], kind.item_type
    elif is_list(kind) and place:
        yield int(place[1]), rest[place.end() :], kind.value_type
    elif pa.types.is_null(kind) and (place or name):  # a file without a single value of what others hold
        match = place or name
        assert match
        yield int(match[1]) if place else match[1], rest[match.end() :], kind


def picked(column: pa.ChunkedArray, path: Path) -> pa.ChunkedArray:
    """The values at the end of a path, from its column on; null where a row has none there.

    ``path``: without the name of the column.
    """
    chunks = column.chunks or [pa.array([], column.type)]
    for step in path:
        chunks = [_step(chunk, step) for chunk in chunks]
    return pa.chunked_array(chunks)


def _step(array: pa.Array, step: str | int) -> pa.Array:
    kind = plain_type(array.type)
    if pa.types.is_null(kind):
        return array
    if pa.types.is_map(kind):
        return pc.map_lookup(array, pa.scalar(step, kind.key_type), "first")
    if is_vector(kind):
        array = as_lists(pa.chunked_array([array]), "").combine_chunks()
    if isinstance(step, str):
        return pc.struct_field(array, step)
    return _element(one_array(pa.chunked_array([array])), step)


def _element(lists: pa.Array, place: int) -> pa.Array:
    """The values at a place of lists; null where a list is shorter."""
    if pa.types.is_fixed_size_list(lists.type):
        starts = pa.array((np.arange(len(lists)) + lists.offset) * lists.type.list_size)
    else:
        starts = lists.offsets[:-1].cast(pa.int64())
    has_place = pc.greater(pc.list_value_length(lists), place)
    places = pc.if_else(has_place, pc.add(starts, place), pa.scalar(None, pa.int64()))
    return lists.values.take(places)
