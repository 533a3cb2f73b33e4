"""Raw bytes as record batches of one column, which is all that travels in Flight streams here."""

from typing import Any

import pyarrow as pa

SCHEMA = pa.schema([pa.field("bytes", pa.uint8(), nullable=False)])


def batch(data: Any) -> pa.RecordBatch:
    """The bytes of a contiguous buffer, not copied."""
    buffer = pa.py_buffer(data)
    return pa.RecordBatch.from_arrays([pa.Array.from_buffers(pa.uint8(), buffer.size, [None, buffer])], schema=SCHEMA)


def view(received: pa.RecordBatch) -> memoryview:
    """The bytes of a batch, not copied."""
    return memoryview(received.column(0).buffers()[1])[: len(received)]
