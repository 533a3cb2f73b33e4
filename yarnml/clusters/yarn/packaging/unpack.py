"""Unpack an archive of `pack` on a node, once for all containers there: a script that travels in the archive.

It has the standard library alone.  YARN would unpack an archive as well, but on one thread, and without Hadoop's native
library by a process for the mode of each file; and it gives up what it unpacks with the job that asked.

The files come beside the archive, where YARN removes them together with it.  They are written into a draft, which gets
its name when it is whole, under a lock that ends with its process: so a killed one leaves nothing that counts.
"""

import contextlib
import fcntl
import json
import os
import shutil
import sys
import time
import zipfile
import zlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

WAIT_SECONDS = 180.0
"""Longest wait for another container that unpacks; then this one does it for itself."""

HELPER = "zstandard/"
"""Where an archive has the library that it is read with; one without has blocks of zlib."""

BLOCKS = "blocks/"
"""Where an archive has its blocks: a line of JSON, the (name, mode, position, size) of each file, then their bytes."""

_THREADS = min(4, os.cpu_count() or 1)


def find(archive: str, places: Iterable[str], own: str, wait_seconds: float = WAIT_SECONDS) -> str:
    """The folder of the unpacked files, in the first of ``places`` that can have it.

    ``own``: the folder to unpack into where none can.

    Raises BadZipFile where the archive is damaged, OSError where no place can have it.
    """
    name, _ = os.path.splitext(os.path.basename(os.path.realpath(archive)))
    for place in places:
        if is_ours(place):
            try:
                return _shared(archive, os.path.join(place, name), wait_seconds)
            except OSError as exc:
                print(f"{archive} can't be unpacked for all containers in {place}: {exc}")
    return _filled(archive, own)


def is_ours(folder: str) -> bool:
    """True for a folder that nobody but this user can have written into."""
    with contextlib.suppress(OSError):
        status = os.lstat(folder)
        return status.st_mode & 0o170022 == 0o040000 and status.st_uid == os.geteuid()
    return False


def _shared(archive: str, folder: str, wait_seconds: float) -> str:
    """Unpack into a folder, or wait for who is doing so."""
    if not is_ours(folder):
        with open(f"{folder}.lock", "wb") as lock:
            _take(lock.fileno(), wait_seconds)
            if not is_ours(folder):
                os.rename(_filled(archive, f"{folder}.draft"), folder)
    return folder


def _take(lock: int, wait_seconds: float) -> None:
    """Take a lock; TimeoutError where another process keeps it for too long."""
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise TimeoutError(f"another container has been unpacking it for {wait_seconds:.0f} s") from None
            time.sleep(0.05)


def _filled(archive: str, folder: str) -> str:
    """Unpack into a folder, in place of what is there."""
    began = time.monotonic()
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder, mode=0o700)
    made = {folder}
    try:
        with zipfile.ZipFile(archive) as packed, ThreadPoolExecutor(_THREADS) as pool:
            opened = _reader(packed, folder)
            blocks = [name for name in packed.namelist() if name.startswith(BLOCKS)]
            for _ in pool.map(lambda name: _write(opened(packed.read(name)), folder, made), blocks):
                pass
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    print(f"Unpacked {archive} in {time.monotonic() - began:.1f} s")
    return folder


def _reader(packed: zipfile.ZipFile, folder: str) -> Callable[[bytes], bytes]:
    """The function that opens a block."""
    helper = [name for name in packed.namelist() if name.startswith(HELPER)]
    if not helper:
        return zlib.decompress
    place = os.path.join(folder, ".helper")
    packed.extractall(place, helper)
    sys.path.insert(0, place)
    import zstandard

    sys.path.remove(place)
    shutil.rmtree(place)
    return zstandard.decompress


def _write(block: bytes, folder: str, made: set[str]) -> None:
    """Write the files of a block; one that is larger than a block is in several, at its positions."""
    end = block.index(b"\n")
    content = memoryview(block)[end + 1 :]
    for name, mode, position, size in json.loads(block[:end]):
        path = os.path.join(folder, name)
        parent = os.path.dirname(path)
        if parent not in made:
            os.makedirs(parent, exist_ok=True)
            made.add(parent)
        with open(os.open(path, os.O_CREAT | os.O_WRONLY, mode), "wb") as file:
            file.seek(position)
            file.write(content[:size])
        content = content[size:]


def main(archives: Iterable[str]) -> None:
    """Leave a link to the unpacked files of each archive in the working folder, under its name without the ending.

    What is printed is for the log; no line begins like the cause of an end, ``yarnml:``.
    """
    shared = list(filter(None, os.environ.get("LOCAL_DIRS", "").split(",")))
    for archive in archives:
        places = [os.path.dirname(os.path.realpath(archive)), *shared]
        name, _ = os.path.splitext(os.path.basename(archive))
        try:
            folder = find(archive, places, os.path.abspath(f".{name}.unpacked"))
        except Exception as exc:
            sys.exit(f"{archive}: {type(exc).__name__}: {exc}")
        with contextlib.suppress(FileNotFoundError):
            os.remove(name)
        os.symlink(folder, name)


if __name__ == "__main__":
    main(sys.argv[1:])
