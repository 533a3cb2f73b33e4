"""Files and folders that appear whole or not at all: written beside their place, then shown by one rename.

What is still being written has a hidden name, so no reader takes it for data, and whoever sweeps a folder knows it.
"""

import contextlib
import re
import time
import uuid
from collections.abc import Collection, Iterable, Iterator

from yarnml.storage import files, local

PREFIX = local.TEMPORARY
_LEFTOVER = re.compile(r"\.tmp-(?:probe-)?[0-9a-f]{16,32}|\.(?P<of>.+)\.[0-9a-f]{8}", re.DOTALL)
"""Names that a killed write leaves: on this machine's disk and others, and on HDFS."""

_DRAFT = re.compile(r"\.tmp-[0-9a-f]{32}-.+|" + _LEFTOVER.pattern, re.DOTALL)


def hidden(folder: str, name: str) -> str:
    """Return a hidden URL in ``folder``; writers that may meet there need different names."""
    return files.join(folder, PREFIX + name)


@contextlib.contextmanager
def draft(url: str) -> Iterator[str]:
    """Remove what is left at a hidden URL when this block ends: a file or folder that was renamed by then stays."""
    try:
        yield url
    finally:
        with contextlib.suppress(OSError):  # a failure of the block itself is the one to report
            files.remove(url)


@contextlib.contextmanager
def create(target: str) -> Iterator[str]:
    """Give a hidden URL to write a new file or folder to; when this block ends it appears as ``target``.

    Raises FileExistsError where ``target`` is there by then: of two writers at the same time the first one counts.
    """
    folder, _, name = target.rstrip("/").rpartition("/")
    with draft(hidden(folder, f"{uuid.uuid4().hex}-{name}")) as url:
        yield url
        files.rename(url, target)


def write(target: str, data: bytes | bytearray, beside: str) -> None:
    """Write a file by way of ``beside``, in the place of an old one.

    No storage is asked for more than a rename to a free name.  So for a moment only ``beside`` is there, whole: who
    reads the file after a crash must look at both names, at ``target`` first.
    """
    try:
        files.write(beside, data)
    except BaseException:
        with contextlib.suppress(OSError):  # the failure of the write is the one to report
            files.remove(beside)
        raise
    replace(beside, target)


def replace(source: str, target: str) -> None:
    """Rename a file or folder to ``target``, which is removed first, if it is there."""
    files.remove(target)
    files.rename(source, target)


def clear(folder: str, own: Collection[str]) -> None:
    """Remove one's own files of a folder by their names, and the folder if nothing else is in it.

    What a write of theirs left when it was killed goes too.  Whatever else is there stays, and what is behind a link.
    """
    if files.is_link(folder):
        return
    for name in files.names(folder):
        if name in own or is_leftover(name, own):
            files.remove_file(files.join(folder, name))
    files.remove_empty(folder)


def is_leftover(name: str, own: Collection[str]) -> bool:
    """Tell whether a name is one that a killed write of these files leaves beside them."""
    match = _LEFTOVER.fullmatch(name)
    return match is not None and (match["of"] is None or match["of"] in own)


def sweep(folder: str, seconds: float) -> None:
    """Remove what killed writes left in a folder of yarnml's own, unless it is younger than so many seconds."""
    for name in files.names(folder):
        url = files.join(folder, name)
        if _DRAFT.fullmatch(name) and files.modified(url) < time.time() - seconds:
            files.remove_file(url)


def check_writable(folder: str) -> list[str]:
    """Write an empty file into a folder and remove it again; raises the storage's OSError or ValueError.

    Returns the folders that it made, the innermost one first; `withdraw` takes them back.
    """
    made = _missing(folder)
    try:
        with draft(hidden(folder, f"probe-{uuid.uuid4().hex}")) as probe:
            files.write(probe, b"")
            files.remove(probe)
    except BaseException:
        withdraw(made)
        raise
    return made


def withdraw(folders: Iterable[str]) -> None:
    """Remove those of the folders that are empty, one after the other, where that can be done."""
    for folder in folders:
        with contextlib.suppress(OSError):
            files.remove_empty(folder)


def _missing(folder: str) -> list[str]:
    """The folder and those above it that are not there, the innermost one first."""
    missing = []
    while folder.partition("://")[2].strip("/") if "://" in folder else folder:
        if files.exists(folder):
            break
        missing.append(folder)
        folder = folder.rpartition("/")[0]
    return missing
