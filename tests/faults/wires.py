"""Bad wires between real processes: a proxy that harms bytes, a Flight relay that harms whole messages."""

import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.flight as fl

from yarnml.control.credentials import Credentials

HOST = "127.0.0.1"

Harm = Callable[[bytes, int], bytes | None]  # bytes, and how many went before them → what goes on; None: hang up


def cut(at: int) -> Harm:
    """Hang up after ``at`` bytes."""
    return lambda data, before: data if before + len(data) <= at else None


def flip(at: int) -> Harm:
    """Another bit in byte ``at``."""

    def harm(data: bytes, before: int) -> bytes:
        place = at - before
        if not 0 <= place < len(data):
            return data
        return data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :]

    return harm


def late(seconds: float) -> Harm:
    """Everything comes later."""

    def harm(data: bytes, before: int) -> bytes:
        time.sleep(seconds)
        return data

    return harm


def _connected(address: str) -> socket.socket:
    """A connection to a path or host:port."""
    if address.startswith("/"):
        end = socket.socket(socket.AF_UNIX)
        end.connect(address)
        return end
    host, _, port = address.rpartition(":")
    return socket.create_connection((host, int(port)))


class Proxy:
    """Listens, and hands on what comes for ``target``; ``up`` harms what goes there, ``down`` what comes back.

    Only the first ``harmed`` connections suffer.
    """

    def __init__(self, target: str, up: Harm | None = None, down: Harm | None = None, harmed: int = 10**9) -> None:
        self._target = target
        self._harms = (up, down)
        self._harmed = harmed
        self._open: list[socket.socket] = []
        self.connections = 0
        self.passed = [0, 0]  # bytes up and down
        if target.startswith("/"):
            self.address = f"{target}-{secrets.token_hex(2)}"
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(self.address)
            self._listener.listen()
        else:
            self._listener = socket.create_server((HOST, 0))
            self.address = f"{HOST}:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                caller, _ = self._listener.accept()
                target = _connected(self._target)
                self._open += [caller, target]
                harms = self._harms if self.connections < self._harmed else (None, None)
                self.connections += 1
                for way, ends in enumerate([(caller, target), (target, caller)]):
                    threading.Thread(target=self._pump, args=(way, *ends, harms[way]), daemon=True).start()

    def _pump(self, way: int, source: socket.socket, sink: socket.socket, harm: Harm | None) -> None:
        before = 0
        with suppress(OSError):
            while data := source.recv(4096):
                harmed = harm(data, before) if harm else data
                if harmed is None:
                    break
                before += len(data)
                self.passed[way] += len(data)
                sink.sendall(harmed)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        for connection in (self._listener, *self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()


@dataclass(frozen=True)
class Message:
    """One message of a stream; a reason to stop has no batch."""

    batch: pa.RecordBatch | None
    header: bytes


Rule = Callable[[Message, int], list[Message]]  # a message and how many went before it → what goes on instead


class Relay(fl.FlightServerBase):  # type: ignore[misc]
    """A Flight server before another one: hands the messages of every stream on, as its rules say."""

    def __init__(self, target: str, credentials: Credentials, up: Rule, down: Rule) -> None:
        self._target = target
        self._credentials = credentials
        self._up = up
        self._down = down
        url = credentials.listening(HOST)
        super().__init__(url, **credentials.serving())
        self.address = credentials.address(url, self.port)

    def do_exchange(self, context: Any, descriptor: Any, reader: Any, writer: Any) -> None:
        client = fl.FlightClient(f"{self._credentials.scheme}://{self._target}", **self._credentials.calling())
        options = fl.FlightCallOptions(headers=self._credentials.headers)
        onward, back = client.do_exchange(descriptor, options)
        up = threading.Thread(target=_hand_on, args=(reader, onward, self._up), daemon=True)
        up.start()
        _hand_on(back, writer, self._down)
        up.join()  # the stream may not be left while somebody reads from it
        client.close()


def _hand_on(reader: Any, writer: Any, rule: Rule) -> None:
    begun = False
    with suppress(pa.ArrowException):
        for number, message in enumerate(_messages(reader)):
            for out in rule(message, number):
                if out.batch is None:
                    writer.write_metadata(out.header)
                    continue
                if not begun:
                    writer.begin(out.batch.schema)
                    begun = True
                writer.write_with_metadata(out.batch, out.header)
        if hasattr(writer, "done_writing"):
            writer.done_writing()


def _messages(reader: Any) -> Iterator[Message]:
    while True:
        try:
            chunk = reader.read_chunk()
        except StopIteration:
            return
        yield Message(chunk.data, chunk.app_metadata.to_pybytes())


@contextmanager
def closing(*things: Any) -> Iterator[None]:
    """Close or shut down, in order."""
    try:
        yield
    finally:
        for thing in things:
            thing.shutdown() if hasattr(thing, "shutdown") else thing.close()
