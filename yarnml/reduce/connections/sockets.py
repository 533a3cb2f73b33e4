"""Connections over Unix sockets, between processes of one machine: a third of Flight's time for a small vector.

A message is the length of its header, that of its vector or `NOTHING`, then both.  A socket has a name in Linux's
abstract namespace, which is no file and is gone with its process; both ends look whether the other one is of the same
user, and the worker shows the job's token.
"""

import contextlib
import hmac
import os
import socket
import struct
import sys
import threading
from collections.abc import Callable, Iterator

import numpy as np

from yarnml.control.credentials import Credentials, Token
from yarnml.reduce.connections.base import Broken, Message, Room, nowhere
from yarnml.reduce.tree import Vector

NOTHING = 2**64 - 1
BUFFER = 4 * 2**20  # bytes; Linux gives what it allows
HELLO_SECONDS = 10.0  # for a worker to say who it is

_LENGTHS = struct.Struct("<IQ")
_PEER = struct.Struct("3i")  # <linux/socket.h>: pid, uid, gid


def connect(address: str, hello: bytes, credentials: Credentials) -> "SocketConnection | None":
    """The worker's end to the reducer at ``address``; None where no socket leads there."""
    name = _name(address, credentials)
    if name is None:
        return None
    end = socket.socket(socket.AF_UNIX)
    try:
        end.connect(name)
    except OSError:
        end.close()
        return None
    try:
        connection = SocketConnection(end)
        connection.send(hello, _secret(credentials))
    except Broken:
        end.close()
        raise
    return connection


class Listener:
    """Waits for workers; ``serve`` gets each connection and its hello in a thread of its own, which closes it after."""

    def __init__(
        self, address: str, credentials: Credentials, serve: Callable[["SocketConnection", bytes], None]
    ) -> None:
        self._credentials, self._serve = credentials, serve
        self._socket = socket.socket(socket.AF_UNIX)
        if name := _name(address, credentials):
            self._socket.bind(name)
            self._socket.listen(socket.SOMAXCONN)
            threading.Thread(target=self._accept, daemon=True, name="listener").start()

    def close(self) -> None:
        """Nobody else gets in."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes who accepts
        self._socket.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                end, _ = self._socket.accept()
                threading.Thread(target=self._welcome, args=(end,), daemon=True, name="stream").start()

    def _welcome(self, end: socket.socket) -> None:
        try:
            end.settimeout(HELLO_SECONDS)
            connection = SocketConnection(end)
            hello, secret = next(connection.messages(), (b"", None))
            if secret is not None and hmac.compare_digest(secret.tobytes(), _secret(self._credentials).tobytes()):
                end.settimeout(None)
                self._serve(connection, hello)
        except Broken:
            pass  # it heard no answer, and that is all there is to tell
        finally:
            end.close()


class SocketConnection:
    """Either end; a `yarnml.reduce.connections.base.Connection`."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        for buffer in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            end.setsockopt(socket.SOL_SOCKET, buffer, BUFFER)
        _, user, _ = _PEER.unpack(end.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
        if user != os.getuid():
            raise Broken(f"it belongs to user {user}")

    def send(self, header: bytes, values: Vector | None = None) -> None:
        data = np.empty(0, np.uint8) if values is None else values.view(np.uint8)
        lengths = _LENGTHS.pack(len(header), NOTHING if values is None else data.nbytes)
        left = [memoryview(lengths + header), data.data]
        with _translated():
            while left:
                left = _after(left, self._end.sendmsg(left))

    def finish(self) -> None:
        with _translated():
            self._end.shutdown(socket.SHUT_WR)

    def messages(self, room: Room = nowhere) -> Iterator[Message]:
        lengths = bytearray(_LENGTHS.size)
        with _translated():
            while self._fill(lengths):
                of_header, of_values = _LENGTHS.unpack(lengths)
                header, values = bytearray(of_header), None
                whole = self._fill(header)
                if whole and of_values != NOTHING:
                    values = _place(room(bytes(header)), of_values)
                    whole = self._fill(values.data)
                if not whole:
                    raise Broken("it ended within a message")
                yield bytes(header), values

    def _fill(self, buffer: bytearray | memoryview) -> bool:
        """Read so many bytes; False where the other end has finished before."""
        view = memoryview(buffer)
        while view:
            got = self._end.recv_into(view, 0, socket.MSG_WAITALL)
            if not got:
                return False
            view = view[got:]
        return True

    def cut(self) -> None:
        with contextlib.suppress(OSError):  # the other end did it before
            self._end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._end.close()


def _name(address: str, credentials: Credentials) -> bytes | None:
    """Of the socket beside the server at ``address``, which only this job's processes can tell; None: has none."""
    if not isinstance(credentials, Token) or sys.platform != "linux":
        return None
    return b"\0yarnml-" + hmac.digest(credentials.value.encode(), address.encode(), "sha256").hex().encode()


def _secret(credentials: Credentials) -> Vector:
    return np.frombuffer(credentials.value.encode() if isinstance(credentials, Token) else b"", np.uint8)


def _place(room: Vector | None, size: int) -> Vector:
    """So many bytes of room, or of new memory where it is none or another size."""
    return room.view(np.uint8) if room is not None and room.nbytes == size else np.empty(size, np.uint8)


def _after(buffers: list[memoryview], sent: int) -> list[memoryview]:
    """What is left of these buffers after their first ``sent`` bytes."""
    left = []
    for buffer in buffers:
        if sent < len(buffer):
            left.append(buffer[sent:])
        sent = max(0, sent - len(buffer))
    return left


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise Broken(str(exc)) from exc
