"""Vectors of Spark ML, dense and sparse ones beside each other, as lists of numbers, or as maps for keys.

Spark stores a vector as a struct: ``type`` 1 is dense and has ``values`` alone; ``type`` 0 is sparse and has ``size``
numbers, those at ``indices`` with ``values``, and 0 elsewhere.
"""

from collections.abc import Container
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from yarnml.data.arrays import Places, as_numpy, places_within
from yarnml.errors import DataError

LISTS = pa.list_(pa.field("vector", pa.float64()))
"""The type of vectors as lists; the name of its values tells it from that of other lists."""

MAPS = pa.map_(pa.int32(), pa.float64())
"""The type of vectors as maps from places to numbers other than 0, for keys."""

MAX_NUMBERS = 2**16
"""Numbers of a vector up to which it becomes a list."""

_FIELDS = {"type", "size", "indices", "values"}


class _Entries(NamedTuple):
    """The numbers that vectors store.

    ``rows``, ``places``, ``numbers`` [entries]: the vector of each, its place there, and itself.
    ``sizes`` [vectors]: how many numbers each has, those that are 0 and not stored among them.
    """

    rows: Places
    places: Places
    numbers: npt.NDArray[np.float64]
    sizes: Places


def is_vector(kind: pa.DataType) -> bool:
    """Tell whether a column of this type holds vectors; a dialect that leaves out nulls may lack size and indices."""
    if not pa.types.is_struct(kind):
        return False
    fields = {field.name: field.type for field in kind}
    is_whole = {"type", "values"} <= fields.keys() <= _FIELDS and pa.types.is_integer(fields["type"])
    return is_whole and pa.types.is_list(fields["values"]) and pa.types.is_floating(fields["values"].value_type)


def with_maps(columns: pa.Schema, keyed: Container[str]) -> pa.Schema:
    """The columns, vectors among those that become keys as maps."""
    return pa.schema([f.with_type(MAPS) if f.name in keyed and _was_vector(f.type) else f for f in columns])


def _was_vector(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) and kind.value_field.name == LISTS.value_field.name


def as_maps(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column of vectors as maps; of null an empty one."""
    return pa.chunked_array([_maps(chunk) for chunk in column.chunks], MAPS)


def _maps(vectors: pa.StructArray) -> pa.Array:
    rows, places, numbers, sizes = _entries(vectors)
    is_kept = numbers != 0
    offsets = np.append(0, np.cumsum(np.bincount(rows[is_kept], minlength=len(sizes))))
    keys = pa.array(places[is_kept].astype(np.int32))
    return pa.MapArray.from_arrays(pa.array(offsets, pa.int32()), keys, pa.array(numbers[is_kept]))


def as_lists(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    """A column of vectors as lists of all their numbers; DataError for vectors of very many."""
    return pa.chunked_array([_lists(chunk, name) for chunk in column.chunks], LISTS)


def _lists(vectors: pa.StructArray, name: str) -> pa.Array:
    if not _is_sparse(vectors).any():
        return pc.struct_field(vectors, "values").cast(LISTS)
    rows, places, values, sizes = _entries(vectors)
    if sizes.max(initial=0) > MAX_NUMBERS:
        raise DataError(
            f"Column '{name}' holds vectors of {sizes.max()} numbers, more than the {MAX_NUMBERS} that are read as "
            "lists; make keys of them, by kind: key of data.prepare, for a learner with tables."
        )
    offsets = np.append(0, np.cumsum(sizes))
    numbers = np.zeros(offsets[-1])
    numbers[offsets[rows] + places] = values
    nulls = pa.array(as_numpy(vectors.is_null()))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(numbers), mask=nulls).cast(LISTS)


def _entries(vectors: pa.StructArray) -> _Entries:
    values = pc.struct_field(vectors, "values").cast(LISTS)
    lengths = as_numpy(pc.list_value_length(values).fill_null(0)).astype(np.int64)
    is_sparse = _is_sparse(vectors)
    rows = np.repeat(np.arange(len(vectors)), lengths)
    places = places_within(lengths)
    sizes = lengths
    if is_sparse.any():
        stored = as_numpy(pc.struct_field(vectors, "size").fill_null(0)).astype(np.int64)
        sizes = np.where(is_sparse, stored, lengths)
        indices = pc.struct_field(vectors, "indices").filter(pa.array(is_sparse)).flatten()
        places[is_sparse[rows]] = as_numpy(indices)
    return _Entries(rows, places, as_numpy(values.flatten()), sizes)


def _is_sparse(vectors: pa.StructArray) -> npt.NDArray[np.bool_]:
    return as_numpy(pc.equal(pc.struct_field(vectors, "type"), 0).fill_null(False))
