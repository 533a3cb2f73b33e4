"""Processes that wait for each other, and send nothing but one byte."""

import os
import socket
import time
from collections.abc import Callable

from benchmarks.peers.process import place

CONNECT_SECONDS = 60.0
"""Time that the first process has to listen."""


def barrier() -> Callable[[], None]:
    """Make a function that each process calls, and that returns once all of them have called it."""
    connections = _connections()
    first = place()[0] == 0

    def hear() -> None:
        for connection in connections:
            connection.recv(1)

    def tell() -> None:
        for connection in connections:
            connection.send(b".")

    def meet() -> None:
        for act in (hear, tell) if first else (tell, hear):
            act()

    return meet


def _connections() -> list[socket.socket]:
    """Connections between the first process and all others, as this one has them."""
    rank, world = place()
    address = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    if rank:
        connections = [_connected(address)]
    else:
        with socket.create_server(address) as server:
            connections = [server.accept()[0] for _ in range(world - 1)]
    for connection in connections:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connections


def _connected(address: tuple[str, int]) -> socket.socket:
    deadline = time.monotonic() + CONNECT_SECONDS
    while True:
        try:
            return socket.create_connection(address)
        except ConnectionRefusedError:  # the first process does not listen yet
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
