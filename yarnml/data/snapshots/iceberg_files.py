"""Catalogs and tables of pyiceberg, whose metadata are read wherever yarnml reads files."""

from io import BytesIO
from typing import Any, NoReturn

from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.io import FileIO, InputFile, InputStream
from pyiceberg.table import StaticTable as StaticTable
from pyiceberg.utils.config import Config

from yarnml import storage

SETTINGS = {"py-io-impl": f"{__name__}.StorageIO"}


def catalog_of(name: str) -> Catalog:
    """Open the catalog of this name in pyiceberg's settings: ``.pyiceberg.yaml``, or environment variables."""
    settings: dict[str, Any] = {**(Config().get_catalog_config(name) or {}), **SETTINGS}
    return load_catalog(name, **settings)


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
