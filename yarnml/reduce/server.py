"""The services of a process for the others of its job: sums and its state, by Flight and by a socket of its machine."""

from typing import Any

import msgspec
import pyarrow.flight as fl

from yarnml.control.credentials import Credentials
from yarnml.reduce.connections.base import Connection, ConnectionLost
from yarnml.reduce.connections.connect import connect
from yarnml.reduce.connections.flight import FlightConnection
from yarnml.reduce.connections.sockets import Listener
from yarnml.reduce.followers import Followers
from yarnml.reduce.handler import StreamHandler
from yarnml.reduce.owner import Owner
from yarnml.reduce.owner_handler import TableService, serve
from yarnml.reduce.reducer import Reducer
from yarnml.reduce.relay import Relay
from yarnml.reduce.state_transfer import StateStore, StateStream
from yarnml.reduce.wire import Hello, decode_hello

STATE_WAIT_SECONDS = 60.0
"""Time that a worker has to publish its state after another one has asked for it."""


class PeerServices:
    """A process's services for the others of its job; a `ReducerServer` puts them on the network.

    ``tables``: the service for the parts of a table that the reducer updates; ``followers``: where updates go, too.
    ``credentials``: for the way to other processes.
    """

    def __init__(self, credentials: Credentials, relay: Relay | None = None) -> None:
        def connect_table(address: str) -> Connection:
            return connect(address, Hello(0, table=True), credentials)

        self.followers = Followers(connect_table)
        self.reducer = Reducer(Owner(self.followers.forward))
        self.relay = relay or Relay()
        self.states = StateStore()
        self.tables = TableService(self.reducer.owner, self.abort_before, connect_table)

    def abort_before(self, generation: int) -> None:
        """Give up the sums of generations before this one."""
        self.reducer.owner.kept.hear(generation)
        self.reducer.abort_before(generation)
        self.relay.abort_before(generation)
        self.followers.abort_before(generation)

    def close(self, reason: str) -> None:
        """Give no more totals; all that wait for one get the reason."""
        self.reducer.close(reason)
        self.relay.close(reason)
        self.followers.close()


class ReducerServer(fl.FlightServerBase):  # type: ignore[misc]
    """Serves a process's services; ``address`` is where it listens.

    ``host``: the name by which others reach this machine; the port is any that is free.
    ``timeout``: seconds that a total may take.
    """

    def __init__(self, services: PeerServices, host: str, credentials: Credentials, timeout: float) -> None:
        self._services = services
        self._timeout = timeout
        url = credentials.listening(host)
        super().__init__(url, **credentials.serving())
        self.address = credentials.address(url, self.port)
        self._socket_listener = Listener(self.address, credentials, self._serve)

    def do_get(self, context: Any, ticket: Any) -> Any:
        """Answer `yarnml.reduce.state_transfer.fetch`."""
        return StateStream(self._services.states.answer(ticket.ticket, STATE_WAIT_SECONDS))

    def do_exchange(self, context: Any, descriptor: Any, reader: Any, writer: Any) -> None:
        """Serve a worker's stream of parts and totals."""
        self._serve(FlightConnection(reader, writer), descriptor.command)

    def _serve(self, connection: Connection, hello: bytes) -> None:
        try:
            _, wants_relay, wants_table = msgspec.structs.astuple(decode_hello(hello))
        except (msgspec.DecodeError, TypeError) as exc:
            raise ConnectionLost(f"it began with no hello: {exc}") from exc
        if wants_table:
            return serve(self._services.tables, connection)
        aggregator = self._services.relay if wants_relay else self._services.reducer
        return StreamHandler(aggregator, connection, self._timeout).run()

    def shutdown(self) -> None:
        self._socket_listener.close()
        super().shutdown()
