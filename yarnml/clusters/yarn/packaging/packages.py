"""The packages of a job: archives and files in the user's folder on the cluster's storage, named by their content."""

import contextlib
import hashlib
import mmap
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any, NamedTuple

from yarnml import storage
from yarnml.clusters.yarn.packaging import archive, pack
from yarnml.clusters.yarn.packaging.archive import Item
from yarnml.clusters.yarn.packaging.home import prepare
from yarnml.errors import JobFileError, ProvisionError, translated
from yarnml.storage import atomic, local

Note = Callable[[str], None]
"""A function that hears a remark for the user."""


class Package(NamedTuple):
    """A file that has to be stored.

    ``target``: its URL, which has the digest of its content.
    ``what``: the package in words, for messages.
    ``source``: the items of an archive, or the path of a file of this machine.
    ``remark``: tells the user, when it is packed, what it holds; empty where there is nothing to say.
    """

    target: str
    what: str
    source: list[Item] | str
    remark: Callable[[], str] = str


class Packages:
    """The packages of one job: gathered first, which takes no storage, then stored as far as they are not there yet.

    Every file in the user's folder is whole, and is never written again.

    ``home``: the URL of that folder.
    """

    def __init__(self, home: str) -> None:
        self._home = home
        self._packages: list[Package] = []

    def pack(self, folder: str, items: list[Item], what: str, remark: Callable[[], str] = str) -> str:
        """Take in an archive of these items; its URL."""
        target = storage.join(self._home, folder, f"{archive.key_of(items)}.zip")
        self._packages.append(Package(target, what, items, remark))
        return target

    def upload(self, field: str, url: str, endings: tuple[str, ...]) -> str:
        """Take in a file that the user has, on this machine or on storage already; its URL.

        ``endings``: of its name; YARN tells the kind of an archive by them.
        """
        ending = next((e for e in endings if url.endswith(e)), None)
        if ending is None:
            raise JobFileError(f"{field} must end in {' or '.join(endings)}, which YARN needs, not {url}.")
        with translated(JobFileError, f"{field} {url} can't be looked up"):
            exists = storage.exists(url)
        if not exists:
            raise JobFileError(f"{field}: there is no {url}.")
        path = url.removeprefix("file://")
        if "://" in path:
            return url
        with translated(JobFileError, f"{field} {url} can't be read"), local.opened(path) as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()[:32]
        target = storage.join(self._home, "environments", digest + ending)
        self._packages.append(Package(target, f"{field} {url}", path))
        return target

    def store(self, note: Note) -> None:
        """Store what is not there yet, the first package beside the others; ProvisionError where that can't be."""
        prepare(self._home)
        if not self._packages:
            return
        first, *smaller = self._packages
        with ThreadPoolExecutor(max(1, len(smaller))) as pool:
            later = [pool.submit(self._store, package, note) for package in smaller]
            self._store(first, note)  # the largest one: by this thread, which Ctrl-C stops
            for done in later:
                done.result()

    def _store(self, package: Package, note: Note) -> None:
        with translated(ProvisionError, f"{self._home} can't be looked into"):
            exists = storage.exists(package.target)
        if exists:
            note(f"Stored already: {package.what}, as {package.target}.")
        elif isinstance(package.source, str):
            with translated(JobFileError, f"{package.what} can't be read"), local.opened(package.source) as file:
                _store(file, package, note)
        else:
            if remark := package.remark():
                note(remark)
            with tempfile.TemporaryFile(prefix="yarnml-") as packed:
                _pack(package.source, packed, package.what, note)
                _store(packed, package, note)


def _pack(items: list[Item], file: IO[bytes], what: str, note: Note) -> None:
    began = time.monotonic()
    try:
        pack.write(items, file)
        file.flush()
    except OSError as exc:
        raise ProvisionError(f"{_sentence(what)} can't be packed: {exc}") from exc
    note(f"Packed {what} in {time.monotonic() - began:.1f} s.")


def _store(file: IO[bytes], package: Package, note: Note) -> None:
    """Store a file under its final name, whole; of two commands that do so at once the first one counts."""
    began = time.monotonic()
    with translated(ProvisionError, f"{_sentence(package.what)} can't be stored as {package.target}"):
        content: Any = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)  # bytes that need no memory
        with contextlib.suppress(FileExistsError), atomic.create(package.target) as url:
            storage.write(url, content)
    seconds = time.monotonic() - began
    note(f"Stored {package.what}, {len(content) / 1e6:.1f} MB in {seconds:.1f} s, as {package.target}.")


def _sentence(what: str) -> str:
    """Words as the beginning of a sentence."""
    return what[0].upper() + what[1:]
