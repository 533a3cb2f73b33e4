"""A filesystem of fsspec as one of pyarrow's."""

from typing import Any

from fsspec.implementations.local import LocalFileSystem
from fsspec.spec import AbstractFileSystem
from pyarrow import NativeFile, PythonFile
from pyarrow.fs import FSSpecHandler, PyFileSystem
from pyarrow.fs import LocalFileSystem as ArrowLocal


class _Handler(FSSpecHandler):  # type: ignore[misc]
    """pyarrow's own, which asks the storage whether there is a file before it opens it: one call more for each."""

    def open_input_stream(self, path: str) -> NativeFile:
        return self.open_input_file(path)

    def open_input_file(self, path: str) -> NativeFile:
        return PythonFile(self.fs.open(path, mode="rb"), mode="r")


_LOCAL = ArrowLocal()


def for_arrow(fs: AbstractFileSystem) -> Any:
    """The filesystem for pyarrow: its own for local files."""
    return _LOCAL if isinstance(fs, LocalFileSystem) else PyFileSystem(_Handler(fs))
