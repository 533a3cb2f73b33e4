"""Connections between processes of one machine."""

import contextlib
import os
import socket
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from yarnml.control.credentials import Certificate, Token
from yarnml.reduce.connections import sockets
from yarnml.reduce.connections.base import ConnectionLost, Message
from yarnml.reduce.connections.sockets import Listener, SocketConnection

ADDRESS = "127.0.0.1:1"
TOKEN = Token("secret of the test")


@contextlib.contextmanager
def pair() -> Iterator[tuple[SocketConnection, SocketConnection]]:
    """Two ends of one connection."""
    near, far = map(SocketConnection, socket.socketpair())
    try:
        yield near, far
    finally:
        near.close()
        far.close()


def read(connection: SocketConnection, into: list[tuple[bytes, bytes | None]]) -> threading.Thread:
    def run() -> None:
        for header, values in connection.messages():
            into.append((header, None if values is None else values.tobytes()))

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.mark.parametrize("length", [0, 1, 1000, 5_000_000])
def test_messages_arrive_whole_and_in_order(length: int) -> None:
    """Whatever fits into no buffer comes in one piece; no vector is not an empty one; the end is told."""
    vector = np.random.default_rng(length).random(length).astype(np.float32)
    sent: list[tuple[bytes, bytes | None]] = [(b"a", vector.tobytes()), (b"", None), (b"c" * 70_000, vector.tobytes())]
    got: list[tuple[bytes, bytes | None]] = []
    with pair() as (near, far):
        reading = read(far, got)
        for header, data in sent:
            near.send(header, None if data is None else vector)
        near.finish()
        reading.join(30)
        assert not reading.is_alive()
    assert got == sent


def test_an_end_within_a_message_is_no_end() -> None:
    """Whoever dies while it sends leaves a broken connection, not a short message."""
    with pair() as (near, far):
        near._end.sendall(b"\x05\x00\x00\x00" + b"\x10" + bytes(7) + b"head")
        near.finish()
        with pytest.raises(ConnectionLost, match="within a message"):
            list(far.messages())
    with pair() as (near, far):
        near.close()
        with pytest.raises(ConnectionLost):
            far.send(b"x")


def test_who_waits_can_be_cut_off() -> None:
    """A sender whose other end takes nothing, and a reader to whom nothing comes, get Broken when they are cut."""
    for act in (lambda c: c.send(b"", np.zeros(50_000_000, np.uint8)), lambda c: list(c.messages()) or c.send(b"")):
        with pair() as (near, _):
            threading.Timer(0.2, near.abort).start()
            with pytest.raises(ConnectionLost):
                act(near)


def test_only_the_job_s_own_processes_get_in() -> None:
    """Another token leads to another name; and whoever finds the name is turned away without it."""
    welcome: list[bytes] = []
    answered = threading.Event()

    def serve(connection: SocketConnection, hello: bytes) -> None:
        welcome.append(hello)
        for message in connection.messages():
            connection.send(*message)
        connection.finish()
        answered.set()

    with contextlib.closing(Listener(ADDRESS, TOKEN, serve)):
        assert sockets.connect(ADDRESS, b"x", Token("guess")) is None
        assert sockets.connect("127.0.0.1:2", b"x", TOKEN) is None
        assert sockets.connect(ADDRESS, b"x", Certificate(b"", b"", "")) is None
        name = sockets._name(ADDRESS, TOKEN)
        assert name is not None
        assert TOKEN.value.encode() not in name
        with socket.socket(socket.AF_UNIX) as end:
            end.settimeout(30)
            end.connect(name)
            SocketConnection(end).send(b"x", np.frombuffer(b"guess", np.uint8))
            assert end.recv(1) == b""
        worker = sockets.connect(ADDRESS, b"worker", TOKEN)
        assert worker is not None
        worker.send(b"ping", np.arange(3, dtype=np.uint8))
        worker.finish()
        echo: list[Message] = list(worker.messages())
        assert [(header, values.tolist()) for header, values in echo if values is not None] == [(b"ping", [0, 1, 2])]
        assert answered.wait(30)
        worker.close()
    assert welcome == [b"worker"]
    assert sockets.connect(ADDRESS, b"x", TOKEN) is None


def test_another_user_s_process_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel tells whose process is at the other end."""
    monkeypatch.setattr(os, "getuid", lambda: os.geteuid() + 1)
    near, far = socket.socketpair()
    with near, far, pytest.raises(ConnectionLost, match="belongs to user"):
        SocketConnection(near)
