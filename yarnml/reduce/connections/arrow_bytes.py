"""Raw bytes as record batches of one column, which is all that travels in Flight streams here."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from yarnml.reduce.tree import Vector

SCHEMA = pa.schema([pa.field("bytes", pa.uint8(), nullable=False)])


def batch(data: Any) -> pa.RecordBatch:
    """The bytes of a contiguous buffer, not copied."""
    buffer = pa.py_buffer(data)
    return pa.RecordBatch.from_arrays([pa.Array.from_buffers(pa.uint8(), buffer.size, [None, buffer])], schema=SCHEMA)


def view(received: pa.RecordBatch) -> memoryview:
    """The bytes of a batch, not copied."""
    return memoryview(received.column(0).buffers()[1])[: len(received)]


def values(received: pa.RecordBatch) -> Vector:
    """The same as NumPy's uint8."""
    return np.frombuffer(view(received), np.uint8)


def chunks(reader: Any) -> Iterator[tuple[pa.RecordBatch | None, bytes]]:
    """What arrives on a stream until the other end closes it; a message without a batch is a reason to stop."""
    while True:
        try:
            chunk = reader.read_chunk()
        except StopIteration:
            return
        yield chunk.data, chunk.app_metadata.to_pybytes()
