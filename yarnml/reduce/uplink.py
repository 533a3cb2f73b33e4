"""A relay's stream to the reducer above it: what its group has joined goes up, totals come back."""

from collections.abc import Callable

from yarnml.errors import WorkerLost
from yarnml.reduce.connections.base import Connection
from yarnml.reduce.relay import Relay
from yarnml.reduce.streams import Stream, Traffic
from yarnml.reduce.tree import Chunk
from yarnml.reduce.wire import Part


class Uplink:
    """A stream that is opened with the first part to pass on; a `yarnml.reduce.streams.Sink`.

    ``failure`` says why no more totals come on it; None as long as they may.

    ``address``: of the reducer above.
    ``connect``: address → a new connection; raises WorkerLost.
    ``sent``, ``received``: count what goes over the stream.
    """

    def __init__(
        self, address: str, relay: Relay, connect: Callable[[str], Connection], sent: Traffic, received: Traffic
    ) -> None:
        self.address = address
        self.failure: WorkerLost | None = None
        self._relay = relay
        self._connect = connect
        self._sent = sent
        self._received = received
        self._stream: Stream | None = None

    def send(self, part: Part, values: Chunk) -> None:
        """Pass a part on to the reducer above.  Not for use by several threads; raises WorkerLost."""
        if self.failure:
            raise self.failure
        if self._stream is None:
            self._stream = Stream(self.address, self._connect(self.address), self)
        self._sent.add(values)
        self._stream.put(part, values)

    def buffer(self, stream: Stream, part: Part) -> None:
        """Offer no memory: a total is kept until the whole group has it, so each gets memory of its own."""

    def put(self, stream: Stream, part: Part, values: Chunk) -> None:
        self._received.add(values)
        self._relay.add_total(part, values)

    def fail(self, stream: Stream, reason: str, kind: type[WorkerLost] = WorkerLost) -> None:
        if self.failure is None:
            self.failure = kind(f"The reducer at {self.address} gave up: {reason}")
            self._relay.fail(self.failure)

    def close(self) -> None:
        """Close the stream for good."""
        self.failure = self.failure or WorkerLost(f"The stream to {self.address} was closed.")
        if self._stream:
            self._stream.close()
