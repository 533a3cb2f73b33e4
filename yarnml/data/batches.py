"""Rows put together and padded to the length of a batch, in aligned memory."""

import numpy as np

from yarnml.data.aligned import empty
from yarnml.data.schema import Rows, Schema


def concatenate(parts: list[Rows], schema: Schema) -> Rows:
    """The rows of several parts, one behind the other; no rows where there are no parts."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return empty_batch(0, schema)
    return Rows(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def pad(rows: Rows, length: int) -> Rows:
    """Repeat the first row with weight 0 up to ``length``: one shape to compile, and no rows that a loss can't take."""
    filled = len(rows.x)
    if filled == length:
        return rows
    longer = Rows(*(empty((length, *a.shape[1:]), a.dtype) for a in rows))
    for source, target in zip(rows, longer, strict=True):
        target[:filled] = source
    return fill_up(longer, filled)


def empty_batch(length: int, schema: Schema) -> Rows:
    """``length`` rows with anything in them."""
    label_type = np.int32 if schema.label_type == "class" else np.float32
    x = empty((length, schema.row_width), np.float32)
    return Rows(x, empty((length,), label_type), empty((length,), np.float32))


def fill_up(batch: Rows, filled: int) -> Rows:
    """Overwrite all rows behind the first ``filled`` with the first one, with weight 0."""
    for a in batch[:2]:
        a[filled:] = a[:1] if filled else 0
    batch.weight[filled:] = 0
    return batch
