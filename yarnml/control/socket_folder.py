"""The folder for the sockets of one job's processes on this machine: no other user can enter it."""

import fcntl
import os
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path

from yarnml.errors import CrewLost

PREFIX = "yarnml-sockets-"
"""Begins the name of a folder that is locked as long as its owner lives."""

NEW_PREFIX = ".yarnml-sockets-"


LONGEST_BASE = 60
"""Length of the longest path to hold such a folder: the kernel takes 107 bytes for the path of a socket."""


class SocketFolder:
    """A new folder, which goes with this object or its process.  It is locked, so that others can tell a dead owner."""

    def __init__(self) -> None:
        base, unlocked = _new_folder()
        self._lock = os.open(unlocked, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self.path = os.path.join(base, PREFIX + os.path.basename(unlocked).removeprefix(NEW_PREFIX))
        os.rename(unlocked, self.path)
        weakref.finalize(self, _remove, self.path, self._lock)


def _new_folder() -> tuple[str, str]:
    """Make a folder, mode 0700, in the first place that has room for one; the place and the folder."""
    reasons = []
    for base in _bases():
        if len(base) > LONGEST_BASE:
            reasons.append(f"{base} is too long a path")
            continue
        try:
            _sweep(base)
            return base, tempfile.mkdtemp(prefix=NEW_PREFIX, dir=base)
        except OSError as exc:
            reasons.append(f"{base}: {exc.strerror or exc}")
    raise CrewLost(
        f"The processes of a job need a folder for their sockets, and none can be made: {'; '.join(reasons)}."
    )


def _bases() -> Iterator[str]:
    """The folders that may hold it, the best first."""
    yield tempfile.gettempdir()
    yield os.environ.get("XDG_RUNTIME_DIR") or "/tmp"
    yield "/tmp"


def _remove(path: str, lock: int) -> None:
    shutil.rmtree(path, ignore_errors=True)
    os.close(lock)


def _sweep(base: str) -> None:
    """Remove the folders of this user whose owner was killed."""
    for folder in Path(base).glob(f"{PREFIX}*"):
        try:
            if folder.lstat().st_uid != os.getuid():
                continue
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # its owner lives
            os.close(lock)
        else:
            _remove(str(folder), lock)
