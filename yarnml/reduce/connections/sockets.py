"""Connections over Unix sockets, between processes of one machine: a third of Flight's time for a small vector.

A message is the length of its header, that of its vector or `NO_VECTOR`, then both.  A socket has a name in Linux's
abstract namespace, which is no file and is gone with its process.  Both ends check that the other one is of the same
user, and the worker shows the job's token.
"""

import contextlib
import hmac
import os
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np

from yarnml.control.credentials import Credentials, Token
from yarnml.reduce.connections.base import ConnectionLost, FindBuffer, Message, no_buffer
from yarnml.reduce.tree import Vector

NO_VECTOR = 2**64 - 1
"""The length of a vector that is not there; an empty one has length 0."""

SOCKET_BUFFER_BYTES = 4 * 2**20
"""The size asked for; Linux gives what its limits allow."""

HELLO_TIMEOUT_SECONDS = 10.0

ACCEPT_PAUSE_SECONDS = 0.1
"""Time before another try where a connection could not be accepted."""

MAX_HEADER_BYTES = 2**20
MAX_VECTOR_BYTES = 2**40
"""Sizes of a message: what is larger is none."""

UNSEEN_BYTES = 2**26
"""The memory that a vector gets before any of it came; then as much again as there is, up to its length."""

_LENGTHS = struct.Struct("<IQ")
_PEER_CREDENTIALS = struct.Struct("3i")  # struct ucred of <linux/socket.h>: pid, uid, gid


def connect(address: str, hello: bytes, credentials: Credentials) -> "SocketConnection | None":
    """Open the worker's end to the reducer at ``address``; None where no socket leads there."""
    name = _name(address, credentials)
    if name is None:
        return None
    try:
        end = socket.socket(socket.AF_UNIX)
    except OSError:  # as many files are open as may be
        return None
    try:
        end.connect(name)
    except OSError:
        end.close()
        return None
    try:
        connection = SocketConnection(end)
        connection.send(hello, _secret(credentials))
    except ConnectionLost:
        end.close()
        raise
    return connection


class Listener:
    """Accepts workers on the socket that belongs to ``address``.

    ``serve``: gets each connection and its hello in a thread of its own, which closes the connection after it.
    """

    def __init__(
        self, address: str, credentials: Credentials, serve: Callable[["SocketConnection", bytes], None]
    ) -> None:
        self._closed = False
        self._credentials = credentials
        self._serve = serve
        self._socket = socket.socket(socket.AF_UNIX)
        if name := _name(address, credentials):
            self._socket.bind(name)
            self._socket.listen(socket.SOMAXCONN)
            threading.Thread(target=self._accept, daemon=True, name="listener").start()

    def close(self) -> None:
        """Accept no more workers; connections that are open stay."""
        self._closed = True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # closing alone would not wake the thread that accepts
        self._socket.close()

    def _accept(self) -> None:
        while not self._closed:
            try:
                end, _ = self._socket.accept()
            except OSError:
                if not self._closed:  # as many files are open as may be, which passes
                    time.sleep(ACCEPT_PAUSE_SECONDS)
                continue
            threading.Thread(target=self._welcome, args=(end,), daemon=True, name="stream").start()

    def _welcome(self, end: socket.socket) -> None:
        try:
            end.settimeout(HELLO_TIMEOUT_SECONDS)
            connection = SocketConnection(end)
            hello, secret = next(connection.messages(), (b"", None))
            if secret is not None and hmac.compare_digest(secret.tobytes(), _secret(self._credentials).tobytes()):
                end.settimeout(None)
                self._serve(connection, hello)
        except ConnectionLost:
            pass  # the worker at the other end sees the same, and reports it
        finally:
            end.close()


class SocketConnection:
    """Either end; a `yarnml.reduce.connections.base.Connection`."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        for buffer in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            end.setsockopt(socket.SOL_SOCKET, buffer, SOCKET_BUFFER_BYTES)
        peer = end.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER_CREDENTIALS.size)
        _, user, _ = _PEER_CREDENTIALS.unpack(peer)
        if user != os.getuid():
            raise ConnectionLost(f"it belongs to user {user}")

    def send(self, header: bytes, values: Vector | None = None) -> None:
        data = np.empty(0, np.uint8) if values is None else values.view(np.uint8)
        lengths = _LENGTHS.pack(len(header), NO_VECTOR if values is None else data.nbytes)
        unsent = [memoryview(lengths + header), data.data]
        with _translated():
            while unsent:
                unsent = _after(unsent, self._end.sendmsg(unsent))

    def finish(self) -> None:
        with _translated():
            self._end.shutdown(socket.SHUT_WR)

    def messages(self, find_buffer: FindBuffer = no_buffer) -> Iterator[Message]:
        """All messages until the other end has finished; vectors go into the buffer that is offered, if it fits."""
        lengths = bytearray(_LENGTHS.size)
        with _translated():
            while self._fill(lengths):
                header_bytes, vector_bytes = _LENGTHS.unpack(lengths)
                if header_bytes > MAX_HEADER_BYTES or MAX_VECTOR_BYTES < vector_bytes != NO_VECTOR:
                    raise ConnectionLost("what came is no message of this job")
                header = bytearray(header_bytes)
                values = None
                is_complete = self._fill(header)
                if is_complete and vector_bytes != NO_VECTOR:
                    values = self._vector(find_buffer(bytes(header)), vector_bytes)
                    is_complete = values is not None
                if not is_complete:
                    raise ConnectionLost("it ended within a message")
                yield bytes(header), values

    def _vector(self, buffer: Vector | None, size: int) -> Vector | None:
        """Read a vector into the buffer, or into new memory where there is none or it has another size.

        A message that only says that it is long gets little memory.  None where the other end has finished before.
        """
        if buffer is not None and buffer.nbytes == size:
            values = buffer.view(np.uint8)
        else:
            values = np.empty(min(size, UNSEEN_BYTES), np.uint8)
        if not self._fill(values.data):
            return None
        while (came := len(values)) < size:
            values.resize(min(size, 2 * came), refcheck=False)  # no view of it is left
            if not self._fill(values[came:].data):
                return None
        return values

    def _fill(self, buffer: bytearray | memoryview) -> bool:
        """Read until the buffer is full; False where the other end has finished before."""
        view = memoryview(buffer)
        while view:
            received = self._end.recv_into(view, 0, socket.MSG_WAITALL)
            if not received:
                return False
            view = view[received:]
        return True

    def abort(self) -> None:
        with contextlib.suppress(OSError):  # the other end was quicker
            self._end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._end.close()


def _name(address: str, credentials: Credentials) -> bytes | None:
    """The name of the socket beside the server at ``address``; None where there is none.

    It is a digest under the job's token, so only processes of this job can tell it.
    """
    if not isinstance(credentials, Token) or sys.platform != "linux":
        return None
    return b"\0yarnml-" + hmac.digest(credentials.value.encode(), address.encode(), "sha256").hex().encode()


def _secret(credentials: Credentials) -> Vector:
    return np.frombuffer(credentials.value.encode() if isinstance(credentials, Token) else b"", np.uint8)


def _after(buffers: list[memoryview], sent: int) -> list[memoryview]:
    """The rest of these buffers behind their first ``sent`` bytes."""
    rest = []
    for buffer in buffers:
        if sent < len(buffer):
            rest.append(buffer[sent:])
        sent = max(0, sent - len(buffer))
    return rest


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Raise the system's errors as ConnectionLost."""
    try:
        yield
    except OSError as exc:
        raise ConnectionLost(str(exc)) from exc
