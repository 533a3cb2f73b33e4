"""The rows of a shard as a learner that maps on the host gets them."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from yarnml.data.label_scaling import scaled_label
from yarnml.data.placed import PlacedRows
from yarnml.data.scaling import Scaling, label_of, scaled
from yarnml.data.schema import Rows, Schema
from yarnml.learners.base import Batch, PlacedBatch


def weighted_rows(
    batches: Iterable[Rows | PlacedRows], scaling: Scaling | None, schema: Schema, refuse: Callable[[Rows], None]
) -> Iterator[Batch | PlacedBatch]:
    """Leave out rows of weight 0, and scale the others.

    ``refuse``: raises DataError for rows that the learner can't take.
    """
    shape = (schema.row_width,) if schema.offset else schema.shape or (schema.width,)
    for batch in batches:
        rows = batch.rows if isinstance(batch, PlacedRows) else batch
        refuse(rows)
        counts = rows.weight > 0
        x, y, weight = rows.arrays if counts.all() else (a[counts] for a in rows.arrays)
        y = scaled_label(y, label_of(scaling), schema.label_scale)
        x = scaled(x, scaling).reshape(len(x), *shape)
        if isinstance(batch, PlacedRows):
            number = np.flatnonzero(counts)
            yield PlacedBatch(x, y, weight, batch.place + number, batch.groups[number])
        else:
            yield Batch(x, y, weight)
