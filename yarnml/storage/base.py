"""What a way to HDFS must do, and what it answers.

A client makes one attempt: it may raise whatever its library raises, and it may hang.  `hdfs.py` puts the deadline,
the translation of errors (`faults.py`) and the retries (`patience.py`) around it.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Unavailable(OSError):
    """The storage is away, or busy with itself: the same call may succeed later.

    ``repeat_for``: seconds for which it is repeated even by who is not patient.
    """

    repeat_for = 0.0


class ReplicaUnavailable(Unavailable):
    """One DataNode of many is away: the next attempt may meet another."""

    repeat_for = 20.0


class Entry(NamedTuple):
    """A file or folder; ``size`` in bytes."""

    path: str
    size: int
    folder: bool


class Block(NamedTuple):
    """``length`` bytes of a file from ``start`` on: the hosts that hold a replica, and the rack of each."""

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

    def makedirs(self, path: str) -> None: ...

    def rename(self, old: str, new: str, *, replace: bool) -> None:
        """In one step; without ``replace`` an existing target is an error."""

    def remove(self, path: str) -> None:
        """With all that is below; nothing where there is none."""

    def open(self, path: str) -> Source: ...

    def create(self, path: str) -> Sink:
        """A new file, in the place of an old one; its folder exists."""
