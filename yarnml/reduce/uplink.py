"""A relay's stream to the reducer above it: what its group has joined goes up, totals come back."""

from collections.abc import Callable

from yarnml.errors import WorkerLost
from yarnml.reduce.connections.base import Connection
from yarnml.reduce.relay import Relay
from yarnml.reduce.streams import Stream, Traffic
from yarnml.reduce.tree import Vector
from yarnml.reduce.wire import Part


class Uplink:
    """Opens the stream when there is something to pass on; a `yarnml.reduce.streams.Sink`.

    ``sent`` and ``received`` count what goes over it.  ``broken``: why it gives no totals, once it does not.
    """

    def __init__(
        self, address: str, relay: Relay, connect: Callable[[str], Connection], sent: Traffic, received: Traffic
    ) -> None:
        self.address, self._relay, self._connect = address, relay, connect
        self._sent, self._received = sent, received
        self._stream: Stream | None = None
        self.broken: WorkerLost | None = None

    def send(self, part: Part, values: Vector) -> None:
        """Not for use by several threads; raises WorkerLost."""
        if self.broken:
            raise self.broken
        if self._stream is None:
            self._stream = Stream(self.address, self._connect(self.address), self)
        self._sent.add(values)
        self._stream.put(part, values)

    def room(self, stream: Stream, part: Part) -> None:
        """A total is kept until the whole group has it, so it gets memory of its own."""

    def put(self, stream: Stream, part: Part, values: Vector) -> None:
        self._received.add(values)
        self._relay.answer(part, values)

    def fail(self, stream: Stream, reason: str, kind: type[WorkerLost] = WorkerLost) -> None:
        if self.broken is None:
            self.broken = kind(f"The reducer at {self.address} gave up: {reason}")
            self._relay.fail(self.broken)

    def close(self) -> None:
        """Hang up; it is of no more use."""
        self.broken = self.broken or WorkerLost(f"The stream to {self.address} was closed.")
        if self._stream:
            self._stream.close()
