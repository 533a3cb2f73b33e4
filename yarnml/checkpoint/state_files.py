"""The files of a checkpoint with the state of its learner: what a worker writes, and what all read."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy.typing as npt

from yarnml import storage
from yarnml.checkpoint.manifest import layer_of, read_manifest
from yarnml.control.holders import TableFiles
from yarnml.errors import CheckpointError, translated
from yarnml.job import paths
from yarnml.storage import integrity
from yarnml.storage.integrity import TornFile
from yarnml.storage.tensors import unpack


def write_state(folder: str, data: bytes | bytearray) -> dict[str, str]:
    """Write a packed state; returns file name → SHA-256."""
    with translated(CheckpointError, f"The state can't be written to {folder}"):
        storage.write(storage.join(folder, paths.STATE), data)
    return {paths.STATE: integrity.digest_of(data)}


def table_files(folder: str) -> list[TableFiles]:
    """Return the files that have the rows of a committed checkpoint's table, see `read_rows`; CheckpointError."""
    with translated(CheckpointError, f"The checkpoint {folder} can't be read", also=(TornFile,)):
        manifest = read_manifest(folder)
    earlier = [TableFiles(layer.folder(folder), layer.files) for layer in manifest.layers]
    return [*earlier, TableFiles(folder, layer_of(manifest).files)]


def read_state(folder: str) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of a committed checkpoint but for files of tables; CheckpointError where it is torn."""
    (state,) = read_files(folder, [paths.STATE])
    return unpack(state)


def read_files(folder: str, names: Iterable[str]) -> Iterator[bytes]:
    """The bytes of files of a committed checkpoint, one after another; CheckpointError where one is torn."""
    try:
        with translated(CheckpointError, f"The checkpoint {folder} can't be read"):
            digests = read_manifest(folder).files
            for name in names:
                yield integrity.read(folder, name, digests.get(name))
    except TornFile as exc:
        raise CheckpointError(
            f"{folder} is torn: {exc}; run the same command again to go on from the newest that is whole."
        ) from exc
