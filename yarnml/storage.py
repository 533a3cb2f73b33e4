"""Files by URL, on whatever fsspec can reach: the few operations that yarnml needs, each one call.

A path is an fsspec URL or an absolute local path.  Nothing appears half-written: write beside, then `rename`.
"""

import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import fsspec
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem


def absolute(path: str, folder: Path) -> str:
    """``path`` itself where it is a URL or absolute, else taken from ``folder``."""
    return path if "://" in path else str(folder / Path(path).expanduser())


def join(url: str, *parts: str) -> str:
    return "/".join([url.rstrip("/"), *parts])


@lru_cache(maxsize=64)
def _filesystem(prefix: str) -> fsspec.AbstractFileSystem:
    return url_to_fs(prefix)[0]


def locate(url: str) -> tuple[fsspec.AbstractFileSystem, str]:
    """The filesystem of a URL and the path on it; ValueError for a protocol that is not installed."""
    try:
        scheme, mark, rest = url.partition("://")
        fs = _filesystem(f"{scheme}://{rest.partition('/')[0]}/" if mark and scheme != "file" else "/")
    except ImportError as exc:
        raise ValueError(f"{url}: {exc}") from exc
    return fs, fs._strip_protocol(url)


def arrow(url: str) -> tuple[Any, str]:
    """The same for pyarrow: its own local filesystem where it serves, else fsspec's through its bridge."""
    from pyarrow.fs import FSSpecHandler, PyFileSystem
    from pyarrow.fs import LocalFileSystem as ArrowLocal

    fs, path = locate(url)
    return (ArrowLocal() if isinstance(fs, LocalFileSystem) else PyFileSystem(FSSpecHandler(fs))), path


def find(url: str) -> list[str]:
    """The data files under a file, folder or glob, sorted; Hadoop's hidden names (``_`` or ``.`` first) left out."""
    fs, path = locate(url)
    base = path.rstrip("/") + "/"
    if any(c in path for c in "*?["):
        found = {p: os.path.basename(p) for p in fs.glob(path) if not fs.isdir(p)}
    elif fs.isdir(path):
        found = {p: p.removeprefix(base) for p in fs.find(path)}
    else:
        return [url] if fs.exists(path) else []
    shown = [p for p, name in found.items() if not any(part.startswith(("_", ".")) for part in name.split("/"))]
    head = url[: len(url) - len(path)] if url.endswith(path) else ""
    return [head + p for p in sorted(shown)]


def size(url: str) -> int:
    fs, path = locate(url)
    return int(fs.size(path) or 0)


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
    fs, path = locate(url)
    with fs.open(path, "rb") as file:
        return bytes(file.read())


def write(url: str, data: bytes) -> None:
    """Write a whole file and make its folder; local files reach the disk before this returns."""
    fs, path = locate(url)
    fs.makedirs(os.path.dirname(path), exist_ok=True)
    with fs.open(path, "wb") as file:
        file.write(data)
        if isinstance(fs, LocalFileSystem):
            file.flush()
            os.fsync(file.fileno())


def rename(source: str, target: str) -> None:
    """Move a folder in one step; FileExistsError where the target is there already."""
    fs, old = locate(source)
    new = locate(target)[1]
    if fs.exists(new):
        raise FileExistsError(f"{target} exists")
    if isinstance(fs, LocalFileSystem):
        os.rename(old, new)
    else:
        fs.mv(old, new, recursive=True)


def remove(url: str) -> None:
    """Remove a file or folder; nothing where there is none."""
    fs, path = locate(url)
    if fs.exists(path):
        fs.rm(path, recursive=True)
