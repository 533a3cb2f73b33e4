"""A reducer on the network, and on a socket of its machine: what workers send goes in, totals go back."""

from typing import Any

import pyarrow.flight as fl

from yarnml.reducer import Reducer
from yarnml.relay import Relay
from yarnml.transport.answering import Answering
from yarnml.transport.connection import Connection
from yarnml.transport.flight import FlightConnection
from yarnml.transport.peers import Shelf, StateStream
from yarnml.transport.security import Credentials
from yarnml.transport.sockets import Listener
from yarnml.transport.wire import decode_hello

FETCH_SECONDS = 60.0  # for the state of another worker to be published


class ReducerServer(fl.FlightServerBase):  # type: ignore[misc]
    """Puts a `Reducer` on the network, the `Relay` of its process, and the state that a worker published.

    ``address`` is where it listens.
    """

    def __init__(
        self, reducer: Reducer, host: str, credentials: Credentials, timeout: float, relay: Relay | None = None
    ) -> None:
        self._reducer, self._timeout, self.relay, self.shelf = reducer, timeout, relay or Relay(), Shelf()
        super().__init__(f"{credentials.scheme}://{host}:0", **credentials.serving())
        self.address = f"{host}:{self.port}"
        self._beside = Listener(self.address, credentials, self._reduce)

    def do_get(self, context: Any, ticket: Any) -> Any:
        return StateStream(self.shelf.wait(int(ticket.ticket), FETCH_SECONDS))

    def do_exchange(self, context: Any, descriptor: Any, reader: Any, writer: Any) -> None:
        self._reduce(FlightConnection(reader, writer), descriptor.command)

    def _reduce(self, connection: Connection, hello: bytes) -> None:
        sums = self.relay if decode_hello(hello).relay else self._reducer
        Answering(sums, connection, self._timeout).run()

    def shutdown(self) -> None:
        self._beside.close()
        super().shutdown()
