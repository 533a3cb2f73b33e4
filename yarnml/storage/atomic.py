"""Files and folders that appear whole or not at all: written beside their place, then shown by one rename.

What is still being written has a hidden name, so no reader takes it for data, and whoever sweeps a folder knows it.
"""

import contextlib
import uuid
from collections.abc import Iterator

from yarnml.storage import files, local

PREFIX = local.TEMPORARY


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


def check_writable(folder: str) -> None:
    """Write an empty file into a folder and remove it again; raises the storage's OSError or ValueError."""
    with draft(hidden(folder, f"probe-{uuid.uuid4().hex}")) as probe:
        files.write(probe, b"")
        files.remove(probe)
