"""The table of an exported model: keys, ascending, and their weights, as one safetensors file.

Of a file on this machine's disks only the pages that are needed are read.
"""

import msgspec
import numpy as np

from yarnml import storage
from yarnml.data.arrays import Array
from yarnml.sparse.stored import KEYS
from yarnml.storage.local import is_disk

TYPES = {"U64": np.uint64, "F32": np.float32}
"""Of the arrays in a table's file."""


class _Place(msgspec.Struct):
    """One array in the head of a safetensors file."""

    dtype: str
    shape: list[int]
    data_offsets: tuple[int, int]


def read_table(url: str) -> dict[str, Array]:
    """The arrays of a table's file, views of it; ValueError where it is none."""
    fs, path = storage.locate(url)
    data: Array = np.memmap(path, np.uint8, "r") if is_disk(fs) else np.frombuffer(storage.read(url), np.uint8)
    start = 8 + int.from_bytes(data[:8].tobytes(), "little")
    places = msgspec.json.decode(data[8:start].tobytes(), type=dict[str, _Place])
    arrays = {}
    for name, place in places.items():
        low, high = place.data_offsets
        arrays[name] = data[start + low : start + high].view(TYPES[place.dtype]).reshape(place.shape)
    if arrays[KEYS].ndim != 1 or any(len(a) != len(arrays[KEYS]) for a in arrays.values()):
        raise ValueError("the blocks of the table are not as long as its keys")
    return arrays
