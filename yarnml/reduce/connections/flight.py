"""Connections over Arrow Flight, which lead anywhere: one bidirectional stream (DoExchange) each.

A message is a record batch of one byte column, its header beside it.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.flight as fl

from yarnml.control.credentials import Credentials
from yarnml.reduce.connections import arrow_bytes
from yarnml.reduce.connections.base import Broken, Message, Room, nowhere
from yarnml.reduce.tree import Vector


def connect(address: str, hello: bytes, credentials: Credentials) -> "FlightConnection":
    """The worker's end of a new stream; raises Broken."""
    with _translated():
        client = fl.FlightClient(f"{credentials.scheme}://{address}", **credentials.calling())
        options = fl.FlightCallOptions(headers=credentials.headers)
        writer, reader = client.do_exchange(fl.FlightDescriptor.for_command(hello), options)
        return FlightConnection(reader, writer, client)


class FlightConnection:
    """Either end of a stream; a `yarnml.reduce.connections.base.Connection`."""

    def __init__(self, reader: Any, writer: Any, client: Any = None) -> None:
        self._reader, self._writer, self._client = reader, writer, client
        with _translated():
            writer.begin(arrow_bytes.SCHEMA)

    def send(self, header: bytes, values: Vector | None = None) -> None:
        with _translated():
            if values is None:
                self._writer.write_metadata(header)
            else:
                self._writer.write_with_metadata(arrow_bytes.batch(values.view(np.uint8)), header)

    def finish(self) -> None:
        with _translated():
            self._writer.done_writing()

    def messages(self, room: Room = nowhere) -> Iterator[Message]:
        with _translated():
            for batch, header in arrow_bytes.chunks(self._reader):
                yield header, None if batch is None else arrow_bytes.values(batch)

    def cut(self) -> None:
        self._reader.cancel()

    def close(self) -> None:
        with contextlib.suppress(pa.ArrowException):
            self._client.close()


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except pa.ArrowException as exc:
        raise Broken(str(exc).splitlines()[0]) from exc
