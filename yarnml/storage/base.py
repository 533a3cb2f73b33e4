"""The protocol of an HDFS client, and the types of its answers.

A client makes one attempt: it may raise whatever its library raises, and it may hang.  `hdfs.py` puts the deadline,
the translation of errors (`errors.py`) and the retries (`retry.py`) around it.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Unavailable(OSError):
    """The storage is away, or busy with itself: the same call may succeed later.

    ``repeat_for``: seconds for which the call is repeated even where `retry.patience` is not in force.
    """

    repeat_for = 0.0


class ReplicaUnavailable(Unavailable):
    """One DataNode of many is away: the next attempt may meet another."""

    repeat_for = 20.0


class Entry(NamedTuple):
    """A file or folder; ``size`` in bytes, ``modified`` in seconds since 1970."""

    path: str
    size: int
    folder: bool
    modified: float


class Block(NamedTuple):
    """``length`` bytes of a file from ``start`` on.

    ``hosts``: where a replica is.
    ``racks``: of each of these hosts.
    """

    start: int
    length: int
    hosts: tuple[str, ...]
    racks: tuple[str, ...]


class Source(Protocol):
    """A file that is open for reading."""

    @property
    def size(self) -> int: ...

    def read(self, start: int, length: int) -> bytes: ...


class Sink(Protocol):
    """A file that is being written; it is whole once `close` has returned."""

    def write(self, data: memoryview) -> None: ...

    def close(self) -> None: ...


class Client(Protocol):
    """One connection to one HDFS.  Paths are absolute, without a host."""

    def info(self, path: str) -> Entry: ...

    def ls(self, path: str) -> Sequence[Entry]: ...

    def makedirs(self, path: str) -> None:
        """Make a folder and those above it, where they are not there; the umask of the configuration holds."""

    def protect(self, path: str) -> None:
        """Have a file or folder be for its owner alone."""

    def rename(self, old: str, new: str, *, replace: bool) -> None:
        """Rename in one step; without ``replace`` an existing target is an error."""

    def remove(self, path: str) -> None:
        """Remove a file, or a folder with all that is below it; do nothing where there is none."""

    def open(self, path: str) -> Source: ...

    def create(self, path: str) -> Sink:
        """Create a file, in the place of an old one; its folder exists.  The umask of the configuration holds."""
