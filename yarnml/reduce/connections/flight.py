"""Connections over Arrow Flight, which reach any machine: one bidirectional stream (DoExchange) each.

A message is a record batch of one byte column with its header, never empty, beside it.  A long one is several batches,
the last of which has the header.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.flight as fl

from yarnml.control.credentials import Credentials
from yarnml.reduce.connections import arrow_bytes
from yarnml.reduce.connections.base import ConnectionLost, FindBuffer, Message, no_buffer
from yarnml.reduce.tree import Vector


def connect(address: str, hello: bytes, credentials: Credentials) -> "FlightConnection":
    """Open the worker's end of a new stream; raises ConnectionLost."""
    with _translated():
        client = fl.FlightClient(f"{credentials.scheme}://{address}", **credentials.calling())
        options = fl.FlightCallOptions(headers=credentials.headers)
        writer, reader = client.do_exchange(fl.FlightDescriptor.for_command(hello), options)
        return FlightConnection(reader, writer, client)


class FlightConnection:
    """Either end of a stream; a `yarnml.reduce.connections.base.Connection`.

    ``client``: at the worker's end, what the stream was opened with.
    """

    def __init__(self, reader: Any, writer: Any, client: Any = None) -> None:
        self._reader = reader
        self._writer = writer
        self._client = client
        with _translated():
            writer.begin(arrow_bytes.SCHEMA)

    def send(self, header: bytes, values: Vector | None = None) -> None:
        with _translated():
            if values is None:
                self._writer.write_metadata(header)
                return
            *first, last = arrow_bytes.pieces(values.view(np.uint8))
            for piece in first:
                self._writer.write_batch(arrow_bytes.batch(piece))
            self._writer.write_with_metadata(arrow_bytes.batch(last), header)

    def finish(self) -> None:
        with _translated():
            self._writer.done_writing()

    def messages(self, find_buffer: FindBuffer = no_buffer) -> Iterator[Message]:
        """All messages until the other end has finished; vectors lie in Arrow's own memory."""
        pieces = []
        with _translated():
            for batch, header in arrow_bytes.chunks(self._reader):
                if batch is not None:
                    pieces.append(arrow_bytes.values(batch))
                if header:
                    yield header, np.concatenate(pieces) if len(pieces) > 1 else next(iter(pieces), None)
                    pieces = []
        if pieces:
            raise ConnectionLost("it ended within a message")

    def abort(self) -> None:
        self._reader.cancel()

    def close(self) -> None:
        with contextlib.suppress(pa.ArrowException):
            self._client.close()


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Raise Arrow's errors as ConnectionLost."""
    try:
        yield
    except pa.ArrowException as exc:
        raise ConnectionLost(str(exc).splitlines()[0]) from exc
