"""The files of an installed environment that travel, and the key that an archive of them has.

The archive holds site-packages alone and runs with the node's own interpreter of the same minor version, as a virtual
environment made on the spot.  venv-pack refuses editable installations and ties the archive to the path of its
interpreter; pex resolves and builds for most of a minute; either would be asked anew after every edit of the user's
code.  Here the files that are installed are the truth, and what is being edited travels in a small archive beside.

The key is the digest of all files' names and digests.  The digests of what came in wheels stand in their RECORD; only
what is in no RECORD, or younger than it, is read.  So the key is quick, sees every edit, and is that of the content.
"""

import contextlib
import csv
import hashlib
import importlib.machinery
import importlib.util
import json
import os
import stat
from base64 import urlsafe_b64encode
from collections.abc import Container, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from yarnml.clusters.yarn.packaging import stayed, unpack
from yarnml.clusters.yarn.packaging.bootstrap import FURTHER, JAX, SOURCES
from yarnml.clusters.yarn.packaging.installed import Installed
from yarnml.job import user_code
from yarnml.storage import local

FORMAT = "yarnml-environment/4"

_PARTS_LINE = (
    "import os, site, sys; base = os.path.dirname(sys.prefix); list(map(site.addsitedir, filter(os.path.isdir, "
    f"[base + '/{JAX}/{{site}}', base + '/{FURTHER}/{{site}}'])))"
)
_SOURCES_LINE = f"import os, sys; sys.path += filter(None, os.environ.get('{SOURCES}', '').split(os.pathsep))"


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


def site_items(
    installed: Installed, left_out: Container[str] = (), absent: Mapping[str, str] = MappingProxyType({})
) -> list[Item]:
    """The files of site-packages that are not left out, and a .pth file that keeps the rank of further folders.

    ``absent``: the modules that are left out, each with its package; who looks for one is told.
    """
    items = []
    base = site_name(installed)
    for number, folder in enumerate(installed.sites):
        items += [item._replace(name=f"{base}{number or ''}/{item.name}") for item in _site(folder, left_out)]
    lines = [
        _PARTS_LINE.format(site=base),
        _SOURCES_LINE,
        *(f"../site-packages{n}" for n in range(1, len(installed.sites))),
    ]
    if absent:
        items.append(_item(f"{base}/{stayed.MODULE}.py", stayed.__file__))
        items.append(_made_up(f"{base}/{stayed.FILE}", json.dumps(absent, sort_keys=True)))
        items.append(_made_up(f"{base}/{stayed.MODULE}.pth", f"import {stayed.MODULE}; {stayed.MODULE}.watch()\n"))
    return [*items, _made_up(f"{base}/00-yarnml.pth", "\n".join(lines) + "\n")]  # .pth files are read by their names


def site_name(installed: Installed) -> str:
    """The first site-packages folder, as an archive has it."""
    return f"lib/python{installed.version}/site-packages"


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
    magic = importlib.util.MAGIC_NUMBER.hex()
    own = [FORMAT, f"bytecode {magic}", f"script {_digest(unpack.__file__)}"]
    lines = [*own, *sorted(f"{item.digest} {item.name}" for item in items)]
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _item(name: str, path: str) -> Item:
    return Item(name, path, _digest(path))


def _made_up(name: str, text: str) -> Item:
    return Item(name, "", text, text)


def _digest(path: str) -> str:
    """The digest of a file in the form of a RECORD."""
    with open(path, "rb") as file:
        return "sha256=" + urlsafe_b64encode(hashlib.file_digest(file, "sha256").digest()).decode().rstrip("=")


def site_files(folder: str, left_out: Container[str]) -> Iterator[str]:
    """The paths of the files of a site-packages folder that are not left out; bytecode never travels as it is."""
    for base, names in local.walk(folder, lambda name: name != "__pycache__"):
        yield from (path for name in names if (path := f"{base}/{name}") not in left_out)


def _site(folder: str, left_out: Container[str]) -> Iterator[Item]:
    """The files of a site-packages folder; only what no RECORD tells of, or is younger than it, is read."""
    recorded = _recorded(folder)
    for path in site_files(folder, left_out):
        relative = path[len(folder) + 1 :]
        digest, time = recorded.get(relative, ("", 0))
        if path.endswith(".dist-info/RECORD"):
            yield Item(relative, path, "")  # it has the digests of scripts, which hold the environment's path
        elif (status := _status(path)) and stat.S_ISREG(status.st_mode):
            yield Item(relative, path, digest if status.st_mtime_ns <= time else _digest(path))


def _status(path: str) -> os.stat_result | None:
    """The status of a file; None for a link that leads nowhere."""
    with contextlib.suppress(OSError):
        return os.stat(path)
    return None


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
