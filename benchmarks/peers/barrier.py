"""Processes that wait for each other, and exchange nothing but one byte."""

import os
import socket
import time
from collections.abc import Callable

from benchmarks.peers.process import place

CALL_SECONDS = 60.0  # for the first process to listen


def barrier() -> Callable[[], None]:
    """What each process calls; it returns once all of them have."""
    others, first = _connections(), place()[0] == 0

    def hear() -> None:
        for other in others:
            other.recv(1)

    def tell() -> None:
        for other in others:
            other.send(b".")

    def meet() -> None:
        for act in (hear, tell) if first else (tell, hear):
            act()

    return meet


def _connections() -> list[socket.socket]:
    """The first process's to all others, theirs to it."""
    rank, world = place()
    address = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    if rank:
        found = [_called(address)]
    else:
        with socket.create_server(address) as server:
            found = [server.accept()[0] for _ in range(world - 1)]
    for connection in found:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return found


def _called(address: tuple[str, int]) -> socket.socket:
    deadline = time.monotonic() + CALL_SECONDS
    while True:
        try:
            return socket.create_connection(address)
        except ConnectionRefusedError:  # nobody listens yet
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
