"""Catalogs and tables of pyiceberg, whose metadata are read wherever yarnml reads files."""

from collections.abc import Iterable
from io import BytesIO
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.io import FileIO, InputFile, InputStream
from pyiceberg.table import StaticTable as StaticTable
from pyiceberg.utils.config import Config

from yarnml import storage
from yarnml.data.arrays import Places
from yarnml.data.deleted import union
from yarnml.data.formats.registry import reader_of
from yarnml.errors import DataError

DELETES = pa.schema({"file_path": pa.string(), "pos": pa.int64()})

SETTINGS = {"py-io-impl": f"{__name__}.StorageIO"}


def catalog_of(name: str) -> Catalog:
    """Open the catalog of this name in pyiceberg's settings: ``.pyiceberg.yaml``, or environment variables."""
    settings: dict[str, Any] = {**(Config().get_catalog_config(name) or {}), **SETTINGS}
    return load_catalog(name, **settings)


def deleted_rows(tasks: Iterable[Any]) -> dict[str, Places]:
    """By data file, the places of its rows that its files of deletes name, ascending."""
    named: dict[str, dict[str, Places]] = {}
    deleted = {}
    for task in tasks:
        url = task.file.file_path
        for file in task.delete_files:
            if file.file_path not in named:
                named[file.file_path] = _named_rows(file)
        if parts := [named[file.file_path][url] for file in task.delete_files if url in named[file.file_path]]:
            deleted[url] = union(parts)
    return deleted


def _named_rows(file: Any) -> dict[str, Places]:
    """By data file, the places that a file of deletes names, in its rows or its deletion vectors."""
    if file.file_format.name == "PUFFIN":
        return _vectors(file.file_path)
    reader = reader_of(file.file_format.name.lower(), "")
    fs, path = storage.arrow(file.file_path)
    _, stored = reader.inspect(fs, path, file.file_path)
    parts = [reader.read(fs, path, stored, group, DELETES) for group in range(len(stored.groups))]
    rows = pa.concat_tables(part.select(DELETES.names).cast(DELETES) for part in parts)
    places = rows.column("pos").to_numpy()
    return {
        url: places[pc.equal(rows.column("file_path"), url).to_numpy()].astype(np.int64)
        for url in rows.column("file_path").unique().to_pylist()
    }


def _vectors(url: str) -> dict[str, Places]:
    """By data file, the places in its deletion vector."""
    try:
        from pyiceberg.table.deletion_vector import deletion_vectors_from_puffin_file
        from pyiceberg.table.puffin import PuffinFile
    except ImportError as exc:  # of 0.9
        raise DataError(f"{url} has deletion vectors, which need pyiceberg of version 0.12 or later.") from exc
    vectors = deletion_vectors_from_puffin_file(PuffinFile(storage.read(url)))
    return {vector.referenced_data_file: vector.to_vector().to_numpy() for vector in vectors}


class StorageFile(InputFile):
    """A file that is read at once: metadata are small."""

    def __len__(self) -> int:
        return storage.size(self.location)

    def exists(self) -> bool:
        return storage.exists(self.location)

    def open(self, seekable: bool = True) -> InputStream:
        return BytesIO(storage.read(self.location))


class StorageIO(FileIO):
    """Files by `yarnml.storage`, which are only read."""

    def new_input(self, location: str) -> InputFile:
        return StorageFile(location)

    def new_output(self, location: str) -> NoReturn:
        raise NotImplementedError(location)

    def delete(self, location: Any) -> NoReturn:
        raise NotImplementedError(location)
