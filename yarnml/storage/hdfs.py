"""HDFS as an fsspec filesystem whose every call has a deadline and, in a running job, outlasts a short outage.

`connect.py` says which HDFS a URL means; the clients beside this file say how to speak with it.
"""

import contextlib
import io
import os
import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

from fsspec.spec import AbstractFileSystem

from yarnml.storage.base import Client, Entry, ReplicaUnavailable, Sink, Source, Unavailable
from yarnml.storage.errors import fault
from yarnml.storage.retry import CALL_SECONDS, CHUNK_SECONDS, bounded, persist

SCHEMES = ("hdfs", "webhdfs", "swebhdfs")
CHUNK = 32 * 2**20

_T = TypeVar("_T")


class Hdfs(AbstractFileSystem):  # type: ignore[misc]
    """One HDFS.  ``connect(n)`` makes the n-th client: a new one follows each that failed to answer.

    ``root`` is its URL, ``at`` the addresses of its NameNodes.
    """

    protocol = SCHEMES
    cachable = False

    def __init__(self, root: str, at: Sequence[str], connect: Callable[[int], Client]) -> None:
        super().__init__()
        self._root, self._at, self._connect = root, " or ".join(at), connect
        self._others = len(at) > 1
        self._lock, self._made = threading.Lock(), 0
        self._client: Client | None = None

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        _, mark, rest = path.partition("://")
        path = "/" + rest.partition("/")[2] if mark else path
        return path.rstrip("/") or "/"

    def call(self, path: str, act: Callable[[Client, bool], _T], seconds: float = CALL_SECONDS) -> _T:
        """``act(client, again)`` within ``seconds``, repeated with patience; ``again``: it may have happened before."""

        def attempt(again: bool) -> _T:
            return self.once(path, lambda client: act(client, again), seconds)

        return persist(attempt)

    def once(self, path: str, act: Callable[[Client], _T], seconds: float = CALL_SECONDS) -> _T:
        """The same, one attempt: raises an OSError with a sentence."""
        data = seconds == CHUNK_SECONDS
        server = f"a DataNode of the HDFS at {self._at}" if data else f"the NameNode {self._at}"
        client = self._client
        try:
            if client is None:
                client = self._new_client()
            held = client
            return bounded(lambda: act(held), seconds)
        except ValueError:
            raise
        except Exception as exc:
            error = fault(exc, self._root + path, server, data=data)
            if isinstance(error, Unavailable):
                if isinstance(exc, TimeoutError) and self._others:
                    error.repeat_for = CALL_SECONDS  # the next client asks another NameNode first
                with self._lock:
                    if self._client is client:
                        self._client = None
            raise error from exc

    def _new_client(self) -> Client:
        with self._lock:
            if self._client is None:
                number, self._made = self._made, self._made + 1
                self._client = bounded(lambda: self._connect(number), CALL_SECONDS)
            return self._client

    def entry(self, path: str) -> Entry:
        return self.call(path, lambda client, _: client.info(path))

    def entries(self, path: str) -> Sequence[Entry]:
        return self.call(path, lambda client, _: client.ls(path))

    def info(self, path: str, **options: Any) -> dict[str, Any]:
        path = self._strip_protocol(path)
        return {**_facts(self.entry(path)), "name": path}

    def ls(self, path: str, detail: bool = True, **options: Any) -> list[Any]:
        found = [_facts(entry) for entry in self.entries(self._strip_protocol(path))]
        return found if detail else [facts["name"] for facts in found]

    def exists(self, path: str, **options: Any) -> bool:
        return self._is(path, lambda entry: True)

    def isdir(self, path: str) -> bool:
        return self._is(path, lambda entry: entry.folder)

    def isfile(self, path: str) -> bool:
        return self._is(path, lambda entry: not entry.folder)

    def _is(self, path: str, what: Callable[[Entry], bool]) -> bool:
        """fsspec's own answer no to every error; here only what is not there is not there."""
        try:
            return what(self.entry(self._strip_protocol(path)))
        except (FileNotFoundError, NotADirectoryError):
            return False

    def find(
        self, path: str, maxdepth: int | None = None, withdirs: bool = False, detail: bool = False, **options: Any
    ) -> Any:
        """As fsspec's, but a folder that can't be listed is an error and not an empty one."""
        found = {entry.path: _facts(entry) for entry in self._below(self._strip_protocol(path), maxdepth, withdirs)}
        names = sorted(found)
        return {name: found[name] for name in names} if detail else names

    def _below(self, path: str, depth: int | None, folders: bool) -> Iterator[Entry]:
        for entry in self.entries(path):
            if folders or not entry.folder:
                yield entry
            if entry.folder and depth != 1:
                yield from self._below(entry.path, depth and depth - 1, folders)

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        path = self._strip_protocol(path)
        if not exist_ok and self.exists(path):
            raise FileExistsError(f"{self._root}{path} exists")
        self.call(path, lambda client, _: client.makedirs(path))

    def mkdir(self, path: str, create_parents: bool = True, **options: Any) -> None:
        self.makedirs(path, exist_ok=True)

    def mv(self, path1: str, path2: str, **options: Any) -> None:
        """Move in one step; FileExistsError where the target exists.  A move whose answer was lost has happened."""
        old, new = self._strip_protocol(path1), self._strip_protocol(path2)

        def act(client: Client, again: bool) -> None:
            try:
                client.rename(old, new, replace=False)
            except Exception as exc:
                gone = isinstance(fault(exc, old, ""), FileNotFoundError)
                if not (again and gone):
                    raise
                client.info(new)

        self.call(new, act)

    def rm(self, path: str, recursive: bool = False, maxdepth: int | None = None) -> None:
        path = self._strip_protocol(path)
        with contextlib.suppress(FileNotFoundError):
            self.call(path, lambda client, _: client.remove(path))

    def replace(self, path: str, data: bytes | bytearray) -> None:
        """Write a whole file beside and show it by one rename, in the place of an old one; each attempt begins anew."""
        folder, _, name = path.rpartition("/")
        beside = f"{folder}/.{name}.{secrets.token_hex(4)}"
        view, begun = memoryview(data), False

        def attempt(again: bool) -> None:
            nonlocal begun
            self.once(path, lambda client: client.makedirs(folder or "/"))
            sink = self.once(path, lambda client: client.create(beside))
            begun = True
            for at in range(0, len(view), CHUNK):
                self.once(path, partial(_send, sink, view[at : at + CHUNK]), CHUNK_SECONDS)
            self.once(path, lambda client: sink.close(), CHUNK_SECONDS)
            stored = self.once(path, lambda client: client.info(beside)).size
            if stored != len(view):
                raise ReplicaUnavailable(
                    f"{self._root}{path} holds {stored} of the {len(view)} bytes that were written"
                )
            self.once(path, lambda client: client.rename(beside, path, replace=True))

        try:
            persist(attempt)
        except BaseException as exc:
            if begun and type(exc) is not Unavailable:  # then the NameNode would not answer this either
                with contextlib.suppress(OSError):  # the failure that led here is the one to report
                    self.once(beside, lambda client: client.remove(beside))
            raise

    def _open(self, path: str, mode: str = "rb", **options: Any) -> "File":
        if mode != "rb":
            raise ValueError(f"{self._root}{path} can be opened for reading only; storage.write writes whole files.")
        return File(self, path)


class File(io.RawIOBase):
    """A file of HDFS: every read has a deadline, and begins anew with fresh block locations after a failure."""

    def __init__(self, fs: Hdfs, path: str) -> None:
        self._fs, self._path, self._at = fs, path, 0
        self._opened: tuple[Client, Source] | None = None
        self.size = fs.call(path, lambda client, _: self._source(client).size)

    def _source(self, client: Client) -> Source:
        if self._opened is None or self._opened[0] is not client:
            self._opened = client, client.open(self._path)
        return self._opened[1]

    def read(self, size: int | None = -1) -> bytes:
        end = self.size if size is None or size < 0 else min(self._at + size, self.size)
        parts = [self._part(start, min(CHUNK, end - start)) for start in range(self._at, end, CHUNK)]
        self._at = max(self._at, end)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _part(self, start: int, length: int) -> bytes:
        def act(client: Client, again: bool) -> bytes:
            data = self._source(client).read(start, length)
            if len(data) != length:
                raise ReplicaUnavailable(f"{self._path} gave {len(data)} of {length} bytes from byte {start} on")
            return data

        return self._fs.call(self._path, act, CHUNK_SECONDS)

    def readall(self) -> bytes:
        return self.read()

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = max(0, offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size}[whence])
        return self._at

    def tell(self) -> int:
        return self._at

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True


def _send(sink: Sink, part: memoryview, client: Client) -> None:
    sink.write(part)


def _facts(entry: Entry) -> dict[str, Any]:
    return {"name": entry.path, "size": entry.size, "type": "directory" if entry.folder else "file"}
