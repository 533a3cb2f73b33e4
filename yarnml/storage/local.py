"""Files of this machine: only regular ones are opened, links are never written through, and renames reach the disk."""

import contextlib
import errno
import fcntl
import os
import secrets
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from io import BufferedReader, BufferedWriter

from fsspec.implementations.local import LocalFileSystem
from fsspec.spec import AbstractFileSystem

TEMPORARY = ".tmp-"
"""Begins the name of a file that is still being written."""

_SPECIAL = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}

_NO_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EBADF)
"""What filesystems answer that can't sync a folder."""


_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EXDEV)
"""What filesystems answer that have no hard links."""


LOCK_SECONDS = 10.0
"""Longest wait for the lock of a folder, which is held for moments."""


def is_disk(fs: AbstractFileSystem) -> bool:
    """Tell whether a filesystem is this machine's own, and not another one's way to it."""
    return type(fs) is LocalFileSystem


def is_folder(path: str) -> bool:
    """Tell a folder from a file; OSError for what is neither, a link that leads nowhere, and a name that is no text."""
    if not _is_text(path):
        raise OSError(f"{os.fsencode(path)!r} is a name that is not UTF-8; rename it")
    try:
        status = os.stat(path)
    except FileNotFoundError as exc:
        if os.path.islink(path):
            raise OSError(f"{path} is a link that leads nowhere") from exc
        raise
    check_regular(path, status.st_mode)
    return stat.S_ISDIR(status.st_mode)


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_regular(path: str, mode: int) -> None:
    """Refuse what is neither a file nor a folder: to open it may wait, or act, for ever."""
    if kind := _SPECIAL.get(stat.S_IFMT(mode)):
        raise OSError(f"{path} is {kind}, not a file")


def walk(top: str, is_wanted: Callable[[str], bool]) -> Iterator[tuple[str, list[str]]]:
    """Go through a folder and all below it: each with the names that it holds besides folders, sorted.

    Links are followed; each folder comes once, so links in circles end.  One that can't be listed is an OSError.

    ``is_wanted``: called with the name of every folder below.
    """
    entered: set[tuple[int, int]] = set()
    waiting = [top]
    while waiting:
        folder = waiting.pop()
        status = os.stat(folder)
        if (status.st_dev, status.st_ino) in entered:
            continue
        entered.add((status.st_dev, status.st_ino))
        with os.scandir(folder) as entries:
            is_folder_by_name = {entry.name: entry.is_dir() for entry in entries}
        names = sorted(is_folder_by_name)
        folders = [name for name in names if is_folder_by_name[name]]
        yield folder, [name for name in names if not is_folder_by_name[name]]
        waiting += [os.path.join(folder, name) for name in reversed(folders) if is_wanted(name)]


@contextlib.contextmanager
def opened(path: str) -> Iterator[BufferedReader]:
    """Open a regular file for reading."""
    is_folder(path)
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
        yield file


def write(path: str, data: bytes | bytearray) -> None:
    """Write a whole file beside and show it by one rename, in the place of an old one or of a link.

    File and name are on the disk when this returns.
    """
    folder = os.path.dirname(path)
    make_folders(folder)
    beside = os.path.join(folder, f"{TEMPORARY}{secrets.token_hex(8)}")
    with open(beside, "xb", opener=_own) as file:
        try:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            if (stored := os.fstat(file.fileno()).st_size) != len(data):
                raise OSError(errno.EIO, f"{path} holds {stored} of the {len(data)} bytes that were written")
            os.replace(beside, path)
        except BaseException:
            with contextlib.suppress(OSError):  # the failure of the write is the one to report
                os.unlink(beside)
            raise
    sync(folder)


@contextlib.contextmanager
def fresh(path: str) -> Iterator[BufferedWriter]:
    """Open a new file for writing, in the place of an old one or of a link, for a reader that follows it."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    with open(path, "xb", opener=_own) as file:
        yield file


def _own(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_EXCL | os.O_NOFOLLOW, 0o666)


def make_folders(folder: str) -> None:
    """Make a folder and those above it that are not there; their names are on the disk when this returns."""
    missing = []
    while not os.path.exists(folder):
        missing.append(folder)
        folder = os.path.dirname(folder)
    for new in reversed(missing):
        os.makedirs(new, exist_ok=True)
        sync(os.path.dirname(new))


@contextlib.contextmanager
def locked(folder: str) -> Iterator[None]:
    """Have a folder, which is made where there is none, to oneself among the processes of this machine.

    Its lock goes with its holder; who is stopped while it has it is waited for no longer than `LOCK_SECONDS`.
    """
    make_folders(folder)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    deadline = time.monotonic() + LOCK_SECONDS
    try:
        while time.monotonic() < deadline:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(0.01)
            except OSError:  # a filesystem without locks
                break
        yield
    finally:
        os.close(descriptor)


def rename(old: str, new: str) -> None:
    """Move a file or folder to a free name; FileExistsError where it is taken."""
    try:
        _move(old, new)
    except OSError as exc:
        if exc.errno in (errno.ENOTEMPTY, errno.EEXIST):
            raise FileExistsError(f"{new} exists") from exc
        raise
    for folder in {os.path.dirname(old), os.path.dirname(new)}:
        sync(folder)


def _move(old: str, new: str) -> None:
    """Rename; of two that move a file to one name at the same time the first one does."""
    if not stat.S_ISREG(os.lstat(old).st_mode):
        if os.path.lexists(new):
            raise FileExistsError(errno.EEXIST, "File exists", new)
        os.rename(old, new)
        return
    try:
        os.link(old, new)
    except OSError as exc:
        if exc.errno not in _NO_LINKS or os.path.lexists(new):
            raise
        os.rename(old, new)
    else:
        os.unlink(old)


def remove(path: str) -> None:
    """Remove a file, a folder with all that is in it, or a link but nothing behind it; nothing where there is none."""
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISDIR(os.lstat(path).st_mode):
            shutil.rmtree(path)
        else:
            os.unlink(path)


def remove_empty(path: str) -> None:
    """Remove a folder that holds nothing; nothing where it holds something, or there is none."""
    try:
        os.rmdir(path)
    except OSError as exc:
        if exc.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT, errno.ENOTDIR):
            raise


def sync(folder: str) -> None:
    """Have the names in a folder reach the disk, where its filesystem can do that."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError:  # it can be written, but not read
        return
    try:
        os.fsync(descriptor)
    except OSError as exc:
        if exc.errno not in _NO_SYNC:
            raise
    finally:
        os.close(descriptor)
