"""An installed environment as an archive: which files, under which key, in which form.

The archive holds site-packages alone and runs with the node's own interpreter of the same minor version, as a virtual
environment made on the spot.  venv-pack refuses editable installations and ties the archive to the path of its
interpreter; pex resolves and builds for most of a minute; either would be asked anew after every edit of the user's
code.  Here the files that are installed are the truth, and what is being edited travels in a small archive beside.

The key is the digest of all files' names and digests.  The digests of what came in wheels stand in their RECORD; only
what is in no RECORD, or younger than it, is read.  So the key is quick, sees every edit, and is that of the content.

gzip's level 1 on all cores makes it a third of the plain tar, in about the time that framing the files takes; level 4
takes nearly twice as long for a tenth less.

Bytecode travels as PEP 552's unchecked kind: valid whatever the times of the unpacked files, without a look at them.
"""

import contextlib
import csv
import gzip
import hashlib
import importlib.machinery
import importlib.util
import io
import os
import subprocess
import sys
import tarfile
import tempfile
from base64 import urlsafe_b64encode
from collections import deque
from collections.abc import Container, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from yarnml.clusters.yarn.packaging.bootstrap import SOURCES
from yarnml.clusters.yarn.packaging.installed import Installed
from yarnml.job import user_code
from yarnml.storage import local

FORMAT = "yarnml-environment/1"

_BLOCK_BYTES = 4 << 20  # of the tar, which are compressed at a time
_CORES = os.cpu_count() or 1
_FILE_TIME = 315532800  # 1980-01-01: the same files give the same archive, and zip takes no earlier time
_SOURCES_LINE = f"import os, sys; sys.path += filter(None, os.environ.get('{SOURCES}', '').split(os.pathsep))"
_MAGIC = importlib.util.MAGIC_NUMBER


class Item(NamedTuple):
    """A file of an archive.

    ``name``: in the archive.
    ``path``: on this machine; empty for a file that is made up, whose content is ``text``.
    ``digest``: of the content; empty where the key must not depend on it.
    """

    name: str
    path: str
    digest: str
    text: str = ""


def site_items(installed: Installed, left_out: Container[str] = ()) -> list[Item]:
    """The files of site-packages that are not left out, and a .pth file that keeps the rank of further folders."""
    items = []
    base = f"lib/python{installed.version}/site-packages"
    for number, folder in enumerate(installed.sites):
        travelling = (item for item in _site(folder) if item.path not in left_out)
        items += [item._replace(name=f"{base}{number or ''}/{item.name}") for item in travelling]
    lines = [_SOURCES_LINE, *(f"../site-packages{n}" for n in range(1, len(installed.sites)))]
    text = "\n".join(lines) + "\n"
    return [*items, Item(f"{base}/00-yarnml.pth", "", text, text)]  # .pth files are read in the order of their names


def source_items(installed: Installed) -> dict[str, list[Item]]:
    """The files that editable installations and .pth files point to, by the folder that goes on the path."""
    known = [
        (os.path.relpath(file, os.path.dirname(place)), file)
        for places in installed.modules.values()
        for place in places
        for file in (user_code.tree(place) if os.path.isdir(place) else [place])
    ]
    parts = {"modules": known}
    for number, path in enumerate(installed.paths):
        parts[f"path{number}"] = [(os.path.relpath(file, path), file) for file in _importable(path)]
    return {
        part: [_item(f"{part}/{name}", path) for name, path in sorted(files)] for part, files in parts.items() if files
    }


def own_items(paths: Iterable[str]) -> list[Item]:
    """The user's own modules and packages, side by side under ``own``."""
    return [_item(f"own/{name}", path) for name, path in sorted(user_code.files(paths).items())]


def key_of(items: Iterable[Item]) -> str:
    """The digest of an archive's content."""
    lines = [FORMAT, f"bytecode {_MAGIC.hex()}", *(f"{item.digest} {item.name}" for item in items)]
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _item(name: str, path: str) -> Item:
    return Item(name, path, _digest(path))


def _digest(path: str) -> str:
    """The digest of a file in the form of a RECORD."""
    with open(path, "rb") as file:
        return "sha256=" + urlsafe_b64encode(hashlib.file_digest(file, "sha256").digest()).decode().rstrip("=")


def _site(folder: str) -> Iterator[Item]:
    """All files of a site-packages folder; only what no RECORD tells of, or is younger than it, is read."""
    recorded = _recorded(folder)
    for base, names in local.walk(folder, lambda name: name != "__pycache__"):
        for name in names:
            path = f"{base}/{name}"
            relative = path[len(folder) + 1 :]
            digest, time = recorded.get(relative, ("", 0))
            if name == "RECORD" and base.endswith(".dist-info"):
                yield Item(relative, path, "")  # it has the digests of scripts, which hold the environment's path
            elif os.path.isfile(path):
                yield Item(relative, path, digest if os.stat(path).st_mtime_ns <= time else _digest(path))


def _recorded(folder: str) -> dict[str, tuple[str, int]]:
    """By file name: the digest that a RECORD gives, and the time in ns when the RECORD was written."""
    digests: dict[str, tuple[str, int]] = {}
    for record in Path(folder).glob("*.dist-info/RECORD"):
        time = record.stat().st_mtime_ns
        with record.open(newline="", encoding="utf-8") as file:
            digests |= {os.path.normpath(row[0]): (row[1], time) for row in csv.reader(file) if len(row) > 1 and row[1]}
    return digests


def _importable(folder: str) -> Iterator[str]:
    """The files of a source folder that can be imported: modules and whole packages, nothing that lies beside them."""
    suffixes = tuple(importlib.machinery.all_suffixes())
    for entry in sorted(os.scandir(folder), key=lambda e: e.name):
        if entry.is_file() and entry.name.endswith(suffixes):
            yield entry.path
        elif entry.is_dir() and entry.name.isidentifier() and entry.name != "__pycache__":
            if os.path.exists(os.path.join(entry.path, "__init__.py")):
                yield from user_code.tree(entry.path)
            elif not entry.is_symlink() and not os.path.exists(os.path.join(entry.path, "pyvenv.cfg")):
                yield from _importable(entry.path)


def write(items: Iterable[Item], out: Any) -> None:
    """Write an archive, a .tar.gz, into an open file; with the bytecode of its modules."""
    items = list(items)
    with tempfile.TemporaryDirectory(prefix="yarnml-bytecode-") as scratch, contextlib.closing(_Gzip(out)) as packed:
        _compile([i.path for i in items if _is_module(i.name) and not _converted(i.path)], scratch)
        blocks = io.BufferedWriter(packed, _BLOCK_BYTES)
        with tarfile.open(fileobj=blocks, mode="w|", format=tarfile.PAX_FORMAT) as tar:
            for item in items:
                _add(tar, item)
                if _is_module(item.name) and (bytecode := _converted(item.path) or _compiled(item.path, scratch)):
                    _add(tar, Item(importlib.util.cache_from_source(item.name), "", ""), bytecode)
        blocks.flush()
        packed.finish()


def _add(tar: tarfile.TarFile, item: Item, content: bytes | None = None) -> None:
    info = tarfile.TarInfo(item.name)
    info.mtime = _FILE_TIME
    info.mode = 0o644
    if item.path:
        with open(item.path, "rb") as file:
            status = os.fstat(file.fileno())
            info.size = status.st_size
            info.mode = 0o755 if status.st_mode & 0o100 else 0o644
            tar.addfile(info, file)
    else:
        content = item.text.encode() if content is None else content
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))


def _is_module(name: str) -> bool:
    """True for a module whose bytecode is worth its space: a package's tests are never imported on a cluster."""
    return name.endswith(".py") and "/tests/" not in name


def _converted(path: str) -> bytes | None:
    """The bytecode beside a module with its header made unchecked; None where it is not of this source."""
    with contextlib.suppress(OSError):
        status = os.stat(path)
        with open(importlib.util.cache_from_source(path), "rb") as file:
            header = file.read(16)
            times = b"".join((int(n) & 0xFFFFFFFF).to_bytes(4, "little") for n in (status.st_mtime, status.st_size))
            if header == _MAGIC + bytes(4) + times:
                return _unchecked(path) + file.read()
    return None


def _unchecked(path: str) -> bytes:
    """The header of bytecode that is valid without a look at its source."""
    return _MAGIC + (1).to_bytes(4, "little") + importlib.util.source_hash(Path(path).read_bytes())


def _compile(paths: list[str], scratch: str) -> None:
    """Compile into a folder, ``scratch``, in as many processes as there are cores; invalid Python is passed over."""
    command = [sys.executable, "-P", "-m", "compileall", "-qq", "-i", "-", "--invalidation-mode", "unchecked-hash"]
    variables = os.environ | {"PYTHONPYCACHEPREFIX": scratch, "PYTHONWARNINGS": "ignore"}

    def part(number: int) -> None:
        chosen = "\n".join(paths[number::_CORES])
        subprocess.run(command, input=chosen, text=True, env=variables, capture_output=True, check=False)

    if paths:
        with ThreadPoolExecutor(_CORES) as pool:
            list(pool.map(part, range(_CORES)))


def _compiled(path: str, scratch: str) -> bytes | None:
    """The bytecode of a module that `_compile` has made; None for one that is no valid Python."""
    name = os.path.basename(importlib.util.cache_from_source(path))
    with contextlib.suppress(OSError):
        return Path(scratch, os.path.dirname(path).lstrip("/"), name).read_bytes()
    return None


class _Gzip(io.RawIOBase):
    """Compresses blocks on all cores, each a member of its own; a sequence of members is a gzip file."""

    def __init__(self, out: Any) -> None:
        self._out = out
        self._pool = ThreadPoolExecutor(_CORES)
        self._waiting: deque[Future[bytes]] = deque()

    def writable(self) -> bool:
        return True

    def write(self, block: Any) -> int:
        self._waiting.append(self._pool.submit(gzip.compress, bytes(block), 1, mtime=0))
        if len(self._waiting) > 2 * _CORES:  # not more than these blocks are held in memory
            self._out.write(self._waiting.popleft().result())
        return len(block)

    def finish(self) -> None:
        """Write what still waits; without it, as after an error, the file stays torn."""
        while self._waiting:
            self._out.write(self._waiting.popleft().result())

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)
        super().close()
