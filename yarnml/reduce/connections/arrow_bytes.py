"""Raw bytes as record batches of one column: the only content of the all-reduce's Flight streams."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from yarnml.reduce.tree import Vector

SCHEMA = pa.schema([pa.field("bytes", pa.uint8(), nullable=False)])

PIECE_BYTES = 2**28
"""The most bytes of one batch.  Arrow Flight refuses those from 2 GiB on."""


def batch(data: Any) -> pa.RecordBatch:
    """Wrap a contiguous buffer as a batch, without a copy."""
    buffer = pa.py_buffer(data)
    return pa.RecordBatch.from_arrays([pa.Array.from_buffers(pa.uint8(), buffer.size, [None, buffer])], schema=SCHEMA)


def view(received: pa.RecordBatch) -> memoryview:
    """The bytes of a batch, without a copy."""
    return memoryview(received.column(0).buffers()[1])[: len(received)]


def values(received: pa.RecordBatch) -> Vector:
    """The bytes of a batch as NumPy's uint8, without a copy."""
    return np.frombuffer(view(received), np.uint8)


def pieces(data: Vector) -> list[Vector]:
    """Cut bytes into pieces of `PIECE_BYTES`; at least one."""
    return [data[start : start + PIECE_BYTES] for start in range(0, max(len(data), 1), PIECE_BYTES)]


def chunks(reader: Any) -> Iterator[tuple[pa.RecordBatch | None, bytes]]:
    """Read (batch, metadata) from a stream until the other end closes it; one may be without the other."""
    while True:
        try:
            chunk = reader.read_chunk()
        except StopIteration:
            return
        yield chunk.data, chunk.app_metadata.to_pybytes() if chunk.app_metadata else b""
