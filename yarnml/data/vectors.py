"""Vectors of Spark ML, dense and sparse ones beside each other, as lists of numbers.

Spark stores a vector as a struct: ``type`` 1 is dense and has ``values`` alone; ``type`` 0 is sparse and has ``size``
numbers, those at ``indices`` with ``values``, and 0 elsewhere.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from yarnml.errors import DataError

LISTS = pa.list_(pa.float64())
MAX_NUMBERS = 2**16
"""Numbers of a vector up to which it becomes a list."""

_FIELDS = {"type", "size", "indices", "values"}


def is_vector(kind: pa.DataType) -> bool:
    """Tell whether a column of this type holds vectors; a dialect that leaves out nulls may lack size and indices."""
    if not pa.types.is_struct(kind):
        return False
    fields = {field.name: field.type for field in kind}
    is_whole = {"type", "values"} <= fields.keys() <= _FIELDS and pa.types.is_integer(fields["type"])
    return is_whole and pa.types.is_list(fields["values"]) and pa.types.is_floating(fields["values"].value_type)


def as_lists(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    """A column of vectors as lists of all their numbers; DataError for vectors of very many."""
    return pa.chunked_array([_lists(chunk, name) for chunk in column.chunks], LISTS)


def _lists(vectors: pa.StructArray, name: str) -> pa.Array:
    values = pc.struct_field(vectors, "values").cast(LISTS)
    is_sparse = pc.equal(pc.struct_field(vectors, "type"), 0).fill_null(False).to_numpy(zero_copy_only=False)
    if not is_sparse.any():
        return values
    lengths = pc.list_value_length(values).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    sizes = pc.struct_field(vectors, "size").fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    sizes = np.where(is_sparse, sizes, lengths)
    if sizes.max(initial=0) > MAX_NUMBERS:
        raise DataError(
            f"Column '{name}' holds vectors of {sizes.max()} numbers, more than the {MAX_NUMBERS} that are read as "
            "lists; have Spark store maps from index to value, for kind: key of data.prepare."
        )
    owners = np.repeat(np.arange(len(vectors)), lengths)
    places = np.arange(len(owners)) - (np.cumsum(lengths) - lengths)[owners]
    indices = pc.struct_field(vectors, "indices").filter(pa.array(is_sparse)).flatten()
    places[is_sparse[owners]] = indices.to_numpy(zero_copy_only=False)
    offsets = np.append(0, np.cumsum(sizes))
    numbers = np.zeros(offsets[-1])
    numbers[offsets[owners] + places] = values.flatten().to_numpy(zero_copy_only=False)
    nulls = pa.array(vectors.is_null().to_numpy(zero_copy_only=False))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(numbers), mask=nulls)
