"""Files that are stored otherwise than they were written are found, and digests tell."""

from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFile, MemoryFileSystem

from yarnml import storage
from yarnml.storage.base import Entry
from yarnml.storage.connection import Connection
from yarnml.storage.hdfs import Hdfs


class ShortFile(MemoryFile):  # type: ignore[misc]
    """Forgets the last byte."""

    def write(self, data: bytes) -> int:
        return int(super().write(data[:-1])) + 1


class Short(MemoryFileSystem):  # type: ignore[misc]
    """A storage that writes short and says nothing."""

    protocol = "short"
    store: dict[str, Any] = {}  # noqa: RUF012

    def _open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        if mode != "wb":
            return super()._open(path, mode, **options)
        self.store[path] = ShortFile(self, path)
        return self.store[path]


def test_a_storage_that_writes_short() -> None:
    """A write fails where fewer bytes are stored than were written."""
    fsspec.register_implementation("short", Short, clobber=True)
    with pytest.raises(OSError, match=r"short://x/y holds 3 of the 4 bytes that were written"):
        storage.write("short://x/y", b"1234")


class Forgetful:
    """An HDFS in memory, as far as a write goes; its first file loses half of its bytes."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.created = 0

    def info(self, path: str) -> Entry:
        return Entry(path, len(self.files[path]), folder=False, modified=0.0)

    def makedirs(self, path: str) -> None:
        pass

    def remove(self, path: str) -> None:
        self.files.pop(path, None)

    def rename(self, old: str, new: str, *, replace: bool) -> None:
        self.files[new] = self.files.pop(old)

    def create(self, path: str) -> "Forgetful._Sink":
        self.created += 1
        return Forgetful._Sink(self, path)

    class _Sink:
        def __init__(self, store: "Forgetful", path: str) -> None:
            self._store = store
            self._path = path
            self._data = b""

        def write(self, data: memoryview) -> None:
            self._data += bytes(data)

        def close(self) -> None:
            self._store.files[self._path] = self._data if self._store.created > 1 else self._data[::2]


def test_hdfs_that_writes_short_is_written_again() -> None:
    """A file that arrives short on HDFS is never shown, and is written anew."""
    store = Forgetful()
    hdfs = Hdfs(Connection("hdfs://here", ["here:1"], lambda number: store))  # type: ignore[arg-type, return-value]
    hdfs.replace("/a/b", b"12345678")
    assert store.files == {"/a/b": b"12345678"}
    assert store.created == 2


def test_a_digest_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The digest of a file does not depend on the parts in which it is read."""
    (tmp_path / "x").write_bytes(bytes(range(256)) * 100)
    digests = set()
    for chunk in (7, 25_600, 10**6):
        monkeypatch.setattr("yarnml.storage.files.CHUNK", chunk)
        digests.add(storage.digest(str(tmp_path / "x")))
    assert len(digests) == 1
