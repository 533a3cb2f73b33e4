"""What an exchange travels on: messages between one worker and one reducer, in order, both ways."""

from collections.abc import Callable, Iterator
from typing import Protocol

from yarnml.reduce.tree import Vector


class Broken(Exception):
    """The other end is gone, or can't be reached; says how."""


Message = tuple[bytes, Vector | None]
"""A header (`yarnml.reduce.wire`), and mostly the bytes of a vector, uint8, behind it."""

Room = Callable[[bytes], Vector | None]
"""header → where the vector behind it may be received into, of any type; None: into memory of its own."""


def nowhere(header: bytes) -> None:
    return None


class Connection(Protocol):
    """One end.  One thread may send while another one receives."""

    def send(self, header: bytes, values: Vector | None = None) -> None:
        """Waits while the other end does not take it.  Raises Broken."""

    def finish(self) -> None:
        """Say that nothing more will be sent.  Raises Broken."""

    def messages(self, room: Room = nowhere) -> Iterator[Message]:
        """What comes, until the other end has finished; vectors are in ``room`` or elsewhere.  Raises Broken."""

    def cut(self) -> None:
        """Have whoever sends or receives get Broken."""

    def close(self) -> None:
        """Let go of it; nobody sends or receives any more."""
