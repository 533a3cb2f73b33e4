"""Rows put together and padded to the length of a batch, in aligned memory."""

import numpy as np

from yarnml.data.aligned import empty
from yarnml.data.keys import concatenate as concatenate_keys
from yarnml.data.keys import no_keys
from yarnml.data.schema import Rows, Schema


def concatenate(parts: list[Rows], schema: Schema) -> Rows:
    """The rows of several parts, one behind the other; no rows where there are no parts."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return empty_batch(0, schema)
    columns = zip(*(part.arrays for part in parts), strict=True)
    keyed = [part.keys for part in parts if part.keys]
    return Rows.of(map(np.concatenate, columns), concatenate_keys(keyed) if keyed else None)


def pad(rows: Rows, length: int) -> Rows:
    """Repeat the first row with weight 0 and without keys up to ``length``.

    So there is one shape to compile, and there are no rows that a loss can't take.
    """
    filled = len(rows.x)
    if filled == length:
        return rows
    keys = rows.keys.padded(length) if rows.keys else None
    longer = Rows.of((empty((length, *a.shape[1:]), a.dtype) for a in rows.arrays), keys)
    for source, target in zip(rows.arrays, longer.arrays, strict=True):
        target[:filled] = source
    return fill_up(longer, filled)


def empty_batch(length: int, schema: Schema) -> Rows:
    """``length`` rows with anything in them, but without keys."""
    label_type = np.int32 if schema.label_type == "class" else np.float32
    x = empty((length, schema.row_width), np.float32)
    keys = no_keys(length, with_fields=schema.fields) if schema.keyed else None
    return Rows(x, empty((length, *schema.label_shape), label_type), empty((length,), np.float32), keys)


def fill_up(batch: Rows, filled: int) -> Rows:
    """Overwrite all rows behind the first ``filled`` with the first one, with weight 0."""
    for a in batch[:2]:
        a[filled:] = a[:1] if filled else 0
    batch.weight[filled:] = 0
    return batch
