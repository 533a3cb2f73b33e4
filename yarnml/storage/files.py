"""Files by URL, on whatever fsspec can reach: the few operations that yarnml needs, each one call.

A path is an fsspec URL or an absolute local path.  Nothing appears half-written: write beside, then `rename`.
Errors are OSErrors with one sentence; ValueError for a URL that can't be meant.
"""

import contextlib
import errno
import hashlib
import os
import posixpath
from contextlib import AbstractContextManager
from functools import lru_cache
from pathlib import Path
from typing import Any

import fsspec
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from yarnml.storage import listing as listings
from yarnml.storage import local, permissions
from yarnml.storage.connect import VARIABLES, identity, open_hdfs
from yarnml.storage.hdfs import CHUNK, SCHEMES, Hdfs
from yarnml.storage.listing import Listing

CATALOG = "iceberg"
"""The protocol of a table that a catalog knows, which is no place of files."""


def absolute(path: str, folder: Path) -> str:
    """``path`` itself where it is a URL or absolute, else taken from ``folder``; ValueError for an unknown protocol."""
    scheme, mark, _ = path.partition("://")
    if not mark:
        return str(folder / os.path.expanduser(path))
    if scheme == CATALOG:
        return path
    try:
        for protocol in scheme.split("::"):
            if scheme not in SCHEMES:
                fsspec.get_filesystem_class(protocol)
    except ImportError as exc:
        raise ValueError(f"{path} needs a package that is not installed: {exc}") from exc
    except ValueError as exc:
        raise ValueError(
            f"{path} has an unknown protocol, '{scheme}'; use file, hdfs, s3 or another of fsspec's"
        ) from exc
    return path


def canonical(url: str) -> str:
    """Write a URL in the one form that all names of the same place have, as far as names tell.

    Slashes, ``.``, default hosts and ports do not count, nor the protocol by which an HDFS is reached.
    """
    scheme, mark, rest = url.partition("://")
    if not mark or scheme == "file":
        return os.path.realpath(rest if mark else url)
    authority, _, path = rest.partition("/")
    if scheme in SCHEMES:
        scheme, authority = identity(scheme, authority)
    return f"{scheme}://{authority}{posixpath.normpath('/' + path.lstrip('/'))}"


def join(url: str, *parts: str) -> str:
    return "/".join([url.rstrip("/"), *parts])


@lru_cache(maxsize=64)
def _filesystem(prefix: str, variables: tuple[str | None, ...]) -> fsspec.AbstractFileSystem:
    scheme, _, authority = prefix.removesuffix("/").partition("://")
    return open_hdfs(scheme, authority) if scheme in SCHEMES else url_to_fs(prefix)[0]


def locate(url: str) -> tuple[fsspec.AbstractFileSystem, str]:
    """The filesystem of a URL and the path on it; ValueError for a protocol that is not installed."""
    try:
        scheme, mark, rest = url.partition("://")
        prefix = f"{scheme}://{rest.partition('/')[0]}/" if mark and scheme != "file" else "/"
        fs = _filesystem(prefix, tuple(os.environ.get(name) for name in VARIABLES))
    except ImportError as exc:
        raise ValueError(f"{url}: {exc}") from exc
    return fs, fs._strip_protocol(url)


def arrow(url: str) -> tuple[Any, str]:
    """The filesystem of a URL for pyarrow, and the path on it.

    It is pyarrow's own for local files, which is faster, else fsspec's through a bridge.
    """
    from yarnml.storage.bridge import for_arrow

    fs, path = locate(url)
    return for_arrow(fs), path


def listing(url: str) -> Listing:
    """List the data files at a file, folder or glob by their URLs, and what is left out there."""
    fs, path = locate(url)
    listed = listings.find(fs, path)
    return Listing([_url(p, fs, url) for p in listed.files], listed.left_out)


def find(url: str) -> list[str]:
    """The data files under a file, folder or glob, sorted; hidden names left out."""
    return listing(url).files


def _url(path: str, fs: fsspec.AbstractFileSystem, like: str) -> str:
    """``path`` of a filesystem as a URL of the same protocol and host as ``like``."""
    scheme, mark, rest = like.partition("://")
    if not mark:
        return path
    if isinstance(fs, LocalFileSystem):
        return f"{scheme}://{path}"
    host = rest.partition("/")[0]
    root = f"{scheme}://{'' if listings.is_glob(host) else host}"
    return f"{root}/{path.removeprefix(fs._strip_protocol(root)).lstrip('/')}"


def size(url: str) -> int:
    """The size of a file in bytes."""
    fs, path = locate(url)
    return int(fs.size(path) or 0)


def modified(url: str) -> float:
    """When a file was written last, in seconds since 1970 by the storage's clock."""
    fs, path = locate(url)
    if isinstance(fs, Hdfs):
        return fs.entry(path).modified
    return float(fs.modified(path).timestamp())


def exists(url: str) -> bool:
    fs, path = locate(url)
    return bool(fs.exists(path))


def names(url: str) -> list[str]:
    """The names in a folder, sorted; none where there is no such folder."""
    fs, path = locate(url)
    try:
        return sorted(os.path.basename(p.rstrip("/")) for p in fs.ls(path, detail=False, refresh=True))
    except (FileNotFoundError, NotADirectoryError):
        return []


def read(url: str) -> bytes:
    with _opened(url) as file:
        return bytes(file.read())


def digest(url: str) -> str:
    """The SHA-256 of a file, which is read in parts."""
    total = hashlib.sha256()
    with _opened(url) as file:
        while part := file.read(CHUNK):
            total.update(part)
    return total.hexdigest()


def _opened(url: str) -> AbstractContextManager[Any]:
    fs, path = locate(url)
    return local.opened(path) if local.is_disk(fs) else fs.open(path, "rb")


def write(url: str, data: bytes | bytearray) -> None:
    """Write a whole file and make its folder; local files and HDFS show it by one rename.

    OSError where the storage then holds another number of bytes than were written.
    """
    fs, path = locate(url)
    if isinstance(fs, Hdfs):
        fs.replace(path, data)
        return
    if local.is_disk(fs):
        local.write(path, data)
        return
    fs.makedirs(os.path.dirname(path), exist_ok=True)
    with fs.open(path, "wb") as file:
        file.write(data)
    if (stored := size(url)) != len(data):
        raise OSError(errno.EIO, f"{url} holds {stored} of the {len(data)} bytes that were written")


def make_private(url: str) -> None:
    """Make a folder for its owner alone, as far as the storage knows owners; PermissionError for another's folder."""
    fs, path = locate(url)
    if isinstance(fs, Hdfs):
        fs.make_private(path)
        return
    fs.makedirs(path, exist_ok=True)
    if local.is_disk(fs):
        os.chmod(path, permissions.PRIVATE)


def rename(source: str, target: str) -> None:
    """Move a file or folder in one step; FileExistsError where the target is there already."""
    fs, old = locate(source)
    new = locate(target)[1]
    if isinstance(fs, Hdfs):
        fs.mv(old, new)
    elif local.is_disk(fs):
        local.rename(old, new)
    elif fs.exists(new):
        raise FileExistsError(f"{target} exists")
    else:
        fs.mv(old, new, recursive=True)


def remove(url: str) -> None:
    """Remove a file or folder with all that is in it; nothing where there is none."""
    fs, path = locate(url)
    if local.is_disk(fs):
        local.remove(path)
    elif isinstance(fs, Hdfs) or fs.exists(path):
        fs.rm(path, recursive=True)


def remove_file(url: str) -> None:
    """Remove a file or a link; nothing where there is none, or a folder."""
    fs, path = locate(url)
    if local.is_disk(fs):
        with contextlib.suppress(FileNotFoundError, IsADirectoryError):
            os.unlink(path)
    elif not fs.isdir(path):
        remove(url)


def remove_empty(url: str) -> None:
    """Remove a folder that holds nothing; nothing where it holds something, or there is none."""
    fs, path = locate(url)
    if local.is_disk(fs):
        local.remove_empty(path)
    elif fs.isdir(path) and not names(url):
        remove(url)


def locked(url: str) -> AbstractContextManager[None]:
    """Have a folder of this machine to oneself for the length of a block; other storages have no such lock."""
    fs, path = locate(url)
    return local.locked(path) if local.is_disk(fs) else contextlib.nullcontext()


def is_link(url: str) -> bool:
    """Tell whether a path of this machine is a link; other storages have none."""
    fs, path = locate(url)
    return local.is_disk(fs) and os.path.islink(path)
