"""HDFS as an fsspec filesystem whose every call has a deadline and, in a running job, outlasts a short outage.

`connect.py` says which HDFS a URL means, `connection.py` holds its client and repeats calls; the clients beside this
file say how to speak with it.
"""

import contextlib
import io
import os
import secrets
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from fsspec.spec import AbstractFileSystem

from yarnml.storage.base import Client, Entry, ReplicaUnavailable, Sink, Source, Unavailable
from yarnml.storage.connection import Connection
from yarnml.storage.errors import fault
from yarnml.storage.retry import persist

SCHEMES = ("hdfs", "webhdfs", "swebhdfs")

CHUNK = 32 * 2**20
"""Bytes that one call reads or writes at most."""


def roots_of(urls: Iterable[str]) -> list[str]:
    """Every HDFS among these URLs by its root, ``scheme://host``, sorted; ``hdfs://`` is that of the configuration."""
    beginnings = tuple(f"{scheme}://" for scheme in SCHEMES)
    return sorted({"/".join(url.split("/")[:3]) for url in urls if url.startswith(beginnings)})


class Hdfs(AbstractFileSystem):  # type: ignore[misc]
    """One HDFS, as fsspec sees it."""

    protocol = SCHEMES
    cachable = False

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self._connection = connection

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        _, mark, rest = path.partition("://")
        path = "/" + rest.partition("/")[2] if mark else path
        return path.rstrip("/") or "/"

    def entry(self, path: str) -> Entry:
        return self._connection.call(path, lambda client, _: client.info(path))

    def entries(self, path: str) -> Sequence[Entry]:
        return self._connection.call(path, lambda client, _: client.ls(path))

    def info(self, path: str, **options: Any) -> dict[str, Any]:
        path = self._strip_protocol(path)
        return {**_facts(self.entry(path)), "name": path}

    def ls(self, path: str, detail: bool = True, **options: Any) -> list[Any]:
        entries = [_facts(entry) for entry in self.entries(self._strip_protocol(path))]
        return entries if detail else [entry["name"] for entry in entries]

    def exists(self, path: str, **options: Any) -> bool:
        return self._is(path, lambda entry: True)

    def isdir(self, path: str) -> bool:
        return self._is(path, lambda entry: entry.folder)

    def isfile(self, path: str) -> bool:
        return self._is(path, lambda entry: not entry.folder)

    def _is(self, path: str, condition: Callable[[Entry], bool]) -> bool:
        """Look at the entry of a path; False only where there is none.

        fsspec's own ``exists`` answers no to every error, so that a storage that is away would look empty.
        """
        try:
            return condition(self.entry(self._strip_protocol(path)))
        except (FileNotFoundError, NotADirectoryError):
            return False

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        path = self._strip_protocol(path)
        if not exist_ok and self.exists(path):
            raise FileExistsError(f"{self._connection.root}{path} exists")
        self._connection.call(path, lambda client, _: client.makedirs(path))

    def make_private(self, path: str) -> None:
        """Make a folder that is for its owner alone, or have it be so; PermissionError where it is somebody else's."""
        self.makedirs(path, exist_ok=True)
        self._connection.call(path, lambda client, _: client.protect(path))

    def mkdir(self, path: str, create_parents: bool = True, **options: Any) -> None:
        self.makedirs(path, exist_ok=True)

    def mv(self, path1: str, path2: str, **options: Any) -> None:
        """Move in one step; FileExistsError where the target exists.  A move whose answer was lost has happened."""
        old = self._strip_protocol(path1)
        new = self._strip_protocol(path2)

        def act(client: Client, again: bool) -> None:
            try:
                client.rename(old, new, replace=False)
            except Exception as exc:
                gone = isinstance(fault(exc, old, ""), FileNotFoundError)
                if not (again and gone):
                    raise
                client.info(new)  # the earlier attempt has moved it; raises where it is not there either

        self._connection.call(new, act)

    def rm(self, path: str, recursive: bool = False, maxdepth: int | None = None) -> None:
        path = self._strip_protocol(path)
        with contextlib.suppress(FileNotFoundError):
            self._connection.call(path, lambda client, _: client.remove(path))

    def replace(self, path: str, data: bytes | bytearray) -> None:
        """Write a whole file beside and show it by one rename, in the place of an old one; each attempt begins anew."""
        folder, _, name = path.rpartition("/")
        beside = f"{folder}/.{name}.{secrets.token_hex(4)}"
        content = memoryview(data)
        created = False

        def attempt(again: bool) -> None:
            nonlocal created
            self._connection.once(path, lambda client: client.makedirs(folder or "/"))
            sink = self._connection.once(path, lambda client: client.create(beside))
            created = True
            for start in range(0, len(content), CHUNK):
                self._connection.once(path, partial(_send, sink, content[start : start + CHUNK]), data=True)
            self._connection.once(path, lambda client: sink.close(), data=True)
            stored = self._connection.once(path, lambda client: client.info(beside)).size
            if stored != len(content):
                raise ReplicaUnavailable(
                    f"{self._connection.root}{path} holds {stored} of the {len(content)} bytes that were written"
                )
            self._connection.once(path, lambda client: client.rename(beside, path, replace=True))

        try:
            persist(attempt)
        except BaseException as exc:
            # Where the NameNode was away for too long, it would not answer this either.
            if created and type(exc) is not Unavailable:
                with contextlib.suppress(OSError):  # the failure that led here is the one to report
                    self._connection.once(beside, lambda client: client.remove(beside))
            raise

    def tail(self, path: str, length: int) -> tuple[int, bytes]:
        """The size of a file, and its last bytes.

        It is opened and read in one call, which takes half of the time of two.  Where that does not work, the two calls
        tell what is away, with the patience and the deadline of each.
        """

        def act(client: Client) -> tuple[int, bytes]:
            source = client.open(path)
            start = max(source.size - length, 0)
            return source.size, _bytes_of(source, path, start, source.size - start)

        try:
            return self._connection.once(path, act)
        except Unavailable:
            file = File(self._connection, path)
            file.seek(max(file.size - length, 0))
            return file.size, file.read()

    def _open(self, path: str, mode: str = "rb", **options: Any) -> "File":
        if mode != "rb":
            url = f"{self._connection.root}{path}"
            raise ValueError(f"{url} can be opened for reading only; storage.write writes whole files.")
        return File(self._connection, path)


class File(io.RawIOBase):
    """A file of HDFS: every read has a deadline, and begins anew with fresh block locations after a failure."""

    def __init__(self, connection: Connection, path: str) -> None:
        self._connection = connection
        self._path = path
        self._position = 0
        # The source belongs to the client that opened it: after a failure there is another client.
        self._opened: tuple[Client, Source] | None = None
        self.size = connection.call(path, lambda client, _: self._source(client).size)

    def _source(self, client: Client) -> Source:
        if self._opened is None or self._opened[0] is not client:
            self._opened = (client, client.open(self._path))
        return self._opened[1]

    def read(self, size: int | None = -1) -> bytes:
        end = self.size if size is None or size < 0 else min(self._position + size, self.size)
        parts = [self._part(start, min(CHUNK, end - start)) for start in range(self._position, end, CHUNK)]
        self._position = max(self._position, end)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _part(self, start: int, length: int) -> bytes:
        def act(client: Client, again: bool) -> bytes:
            return _bytes_of(self._source(client), self._path, start, length)

        return self._connection.call(self._path, act, data=True)

    def readall(self) -> bytes:
        return self.read()

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.size}[whence]
        self._position = max(0, offset + base)
        return self._position

    def tell(self) -> int:
        return self._position

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True


def _bytes_of(source: Source, path: str, start: int, length: int) -> bytes:
    data = source.read(start, length)
    if len(data) != length:
        raise ReplicaUnavailable(f"{path} gave {len(data)} of {length} bytes from byte {start} on")
    return data


def _send(sink: Sink, part: memoryview, client: Client) -> None:
    sink.write(part)


def _facts(entry: Entry) -> dict[str, Any]:
    return {"name": entry.path, "size": entry.size, "type": "directory" if entry.folder else "file"}
