"""A reducer on the network, and on a socket of its machine: what workers send goes in, totals go back."""

from typing import Any

import pyarrow.flight as fl

from yarnml.transport.answering import Answering
from yarnml.transport.connection import Connection
from yarnml.transport.flight import FlightConnection
from yarnml.transport.home import Home
from yarnml.transport.peers import StateStream
from yarnml.transport.security import Credentials
from yarnml.transport.sockets import Listener
from yarnml.transport.wire import decode_hello

FETCH_SECONDS = 60.0  # for the state of another worker to be published


class ReducerServer(fl.FlightServerBase):  # type: ignore[misc]
    """Puts what a process has to offer on the network; ``address`` is where it listens."""

    def __init__(self, home: Home, host: str, credentials: Credentials, timeout: float) -> None:
        self._home, self._timeout = home, timeout
        super().__init__(f"{credentials.scheme}://{host}:0", **credentials.serving())
        self.address = f"{host}:{self.port}"
        self._beside = Listener(self.address, credentials, self._reduce)

    def do_get(self, context: Any, ticket: Any) -> Any:
        return StateStream(self._home.shelf.wait(int(ticket.ticket), FETCH_SECONDS))

    def do_exchange(self, context: Any, descriptor: Any, reader: Any, writer: Any) -> None:
        self._reduce(FlightConnection(reader, writer), descriptor.command)

    def _reduce(self, connection: Connection, hello: bytes) -> None:
        sums = self._home.relay if decode_hello(hello).relay else self._home.reducer
        Answering(sums, connection, self._timeout).run()

    def shutdown(self) -> None:
        self._beside.close()
        super().shutdown()
