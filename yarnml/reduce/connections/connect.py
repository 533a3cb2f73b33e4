"""The way to another process of the job: by a socket where both are on one machine, else by Flight."""

from yarnml.control.credentials import Credentials
from yarnml.errors import WorkerLost
from yarnml.reduce.connections import flight, sockets
from yarnml.reduce.connections.base import Connection, ConnectionLost
from yarnml.reduce.wire import Hello, encode


def connect(address: str, hello: Hello, credentials: Credentials) -> Connection:
    """Connect to the service that ``hello`` asks for.  Raises WorkerLost where the process can't be reached."""
    greeting = encode(hello)
    try:
        by_socket = sockets.connect(address, greeting, credentials)
        return by_socket or flight.connect(address, greeting, credentials)
    except ConnectionLost as exc:
        raise WorkerLost(f"The reducer at {address} can't be reached: {exc}") from exc
