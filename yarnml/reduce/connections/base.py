"""The protocol of a connection between one worker and one reducer: messages in order, both ways."""

from collections.abc import Callable, Iterator
from typing import Protocol

from yarnml.reduce.tree import Vector


class ConnectionLost(Exception):
    """The other end is gone, or can't be reached; the text says how."""


Message = tuple[bytes, Vector | None]
"""A header (`yarnml.reduce.wire`), and mostly the bytes of a vector, uint8, behind it."""

FindBuffer = Callable[[bytes], Vector | None]
"""Header → memory to receive the vector behind it into, of any type; None: into new memory."""


def no_buffer(header: bytes) -> None:
    """Offer no memory: every vector is received into new memory."""
    return


class Connection(Protocol):
    """One end.  One thread may send while another one receives."""

    def send(self, header: bytes, values: Vector | None = None) -> None:
        """Send one message; wait while the other end does not take it.  Raises ConnectionLost."""

    def finish(self) -> None:
        """Tell the other end that nothing more will be sent.  Raises ConnectionLost."""

    def messages(self, find_buffer: FindBuffer = no_buffer) -> Iterator[Message]:
        """All messages until the other end has finished.  Raises ConnectionLost.

        ``find_buffer``: offers memory for vectors; a connection may use other memory all the same.
        """

    def abort(self) -> None:
        """Make the threads that send or receive raise ConnectionLost."""

    def close(self) -> None:
        """Release the connection, when no thread sends or receives any more."""
