"""The files of a table in a checkpoint: one for every owner, with the rows of its keys, ascending.

A checkpoint of replicated state has the same arrays in its one file; of either the rows of any range can be read.
"""

from collections.abc import Sequence

from yarnml import storage
from yarnml.control.holders import TableFiles
from yarnml.data.arrays import Array
from yarnml.errors import CheckpointError, translated
from yarnml.job import paths
from yarnml.reduce.keyed import first_key
from yarnml.sparse.stored import KEYS, between, joined, overlaid
from yarnml.storage import integrity
from yarnml.storage.tensors import pack, unpack

PREFIX = "table/"
"""Before the names of a table's arrays in a state's file."""


def write_rows(folder: str, number: int, count: int, arrays: dict[str, Array]) -> dict[str, str]:
    """Write part ``number`` of ``count`` of a table; returns file name → SHA-256.  Raises CheckpointError."""
    name = paths.table_part(number, count)
    data = pack({PREFIX + block: array for block, array in arrays.items()})
    with translated(CheckpointError, f"The table can't be written to {folder}"):
        storage.write(storage.join(folder, name), data)
    return {name: integrity.digest_of(data)}


def read_rows(layers: Sequence[TableFiles], low: int, high: int) -> dict[str, Array]:
    """The arrays of a table with the keys ``low`` … ``high`` - 1; none where no file has rows.

    Files whose rows are all of other keys are not read.  Raises OSError, ValueError and TornFile.

    ``layers``: the files of a checkpoint with all rows, then those of the checkpoints after it with what had changed.
    """
    arrays: dict[str, Array] = {}
    for layer in layers:
        rows = _read_layer(layer, low, high)
        arrays = overlaid(arrays, rows) if arrays and rows else rows or arrays
    return arrays


def _read_layer(layer: TableFiles, low: int, high: int) -> dict[str, Array]:
    parts = []
    for name in sorted(layer.files):
        number, count = paths.part_of_table(name) or (0, 1)
        first = first_key(number, count)
        if first_key(number + 1, count) <= low or high <= first:
            continue
        data = integrity.read(layer.folder, name, layer.files[name])
        arrays = {n.removeprefix(PREFIX): a for n, a in unpack(data).items() if n.startswith(PREFIX)}
        if KEYS in arrays:
            parts.append(between(arrays, low, high, first))
    return joined(parts)
