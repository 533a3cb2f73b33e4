"""What a process offers to the others, on the network and on a socket of its machine: sums, and its state."""

from dataclasses import dataclass, field
from typing import Any

import pyarrow.flight as fl

from yarnml.control.credentials import Credentials
from yarnml.reduce.connections.base import Connection
from yarnml.reduce.connections.flight import FlightConnection
from yarnml.reduce.connections.sockets import Listener
from yarnml.reduce.handler import StreamHandler
from yarnml.reduce.reducer import Reducer
from yarnml.reduce.relay import Relay
from yarnml.reduce.state_transfer import StateStore, StateStream
from yarnml.reduce.wire import decode_hello

FETCH_SECONDS = 60.0  # for the state of another worker to be published


@dataclass(frozen=True)
class PeerServices:
    """Put on the network by a `ReducerServer`."""

    reducer: Reducer = field(default_factory=Reducer)
    relay: Relay = field(default_factory=Relay)
    shelf: StateStore = field(default_factory=StateStore)

    def close(self, reason: str) -> None:
        """Nobody gets a total any more; who waits for one is told the reason."""
        self.reducer.close(reason)
        self.relay.close(reason)


class ReducerServer(fl.FlightServerBase):  # type: ignore[misc]
    """Puts what a process has to offer on the network; ``address`` is where it listens."""

    def __init__(self, home: PeerServices, host: str, credentials: Credentials, timeout: float) -> None:
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
        StreamHandler(sums, connection, self._timeout).run()

    def shutdown(self) -> None:
        self._beside.close()
        super().shutdown()
