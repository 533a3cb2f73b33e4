"""One compilation a machine: of several workers that begin with the same program, one compiles it, the others load it.

JAX keeps what it has compiled in a folder (see `yarnml.worker.compile_cache`).  Workers that begin together would all
look there before the first has written, and compile the same program side by side.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Generic, TypeVar

from filelock import FileLock, Timeout

from yarnml.events.log import log
from yarnml.worker.compile_cache import FOLDER_VARIABLE

QUIET_SECONDS = 10.0
"""A wait of so long is told."""

SECONDS = 600.0
"""A wait of so long ends: who compiles hangs.  The lock of a process that died is free at once."""

_T = TypeVar("_T")


class FirstCall(Generic[_T]):
    """A compiled function whose first call, which compiles it, is made by one process of this machine at a time.

    ``name``: tells programs apart, the same in all processes.
    """

    def __init__(self, function: Callable[..., _T], name: str) -> None:
        self._function = function
        self._name = name
        self._is_compiled = False

    @property
    def is_compiled(self) -> bool:
        """True once it has been called."""
        return self._is_compiled

    def __call__(self, *arguments: object) -> _T:
        if self._is_compiled:
            return self._function(*arguments)
        with turn(self._name):
            result = self._function(*arguments)
        self._is_compiled = True
        return result


@contextmanager
def turn(name: str) -> Iterator[None]:
    """Hold the lock of a name; without one where no programs are kept, or the folder can't be written."""
    lock = _acquired(name)
    try:
        yield
    finally:
        if lock is not None:
            lock.release()


def _acquired(name: str) -> FileLock | None:
    folder = os.environ.get(FOLDER_VARIABLE)
    if not folder:
        return None
    number = hashlib.sha256(name.encode()).digest()[0]  # 256 files at most; two programs of one number take turns
    lock = FileLock(Path(folder) / f".compiling-{number:02x}.lock", mode=0o600)
    with suppress(OSError, NotImplementedError):
        try:
            lock.acquire(timeout=QUIET_SECONDS)
        except Timeout:
            log(f"another process of this machine compiles the same program: waiting for it for up to {SECONDS:.0f} s.")
            with suppress(Timeout):
                lock.acquire(timeout=SECONDS)
    return lock if lock.is_locked else None
