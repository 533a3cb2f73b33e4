"""The rows of a shard with their places in the dataset and their groups, for what is worked out among rows."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from yarnml.data.arrays import one_array
from yarnml.data.loader import Loader
from yarnml.data.placed import PlacedRows, group_numbers
from yarnml.data.schema import Schema
from yarnml.data.shards import bounds


def placed_rows(loader: Loader, shard: int, schema: Schema, keep: bool = True) -> Iterator[PlacedRows]:
    """The batches of a shard with the places and groups of their rows; both come piece by piece, in one order.

    ``keep``: as of `Loader.scan`.
    """
    name = schema.group or schema.labels[0]
    weight = schema.weight if loader.has_folds else None
    batches = loader.scan(shard, keep=keep)
    place = bounds(sum(loader.sizes), len(loader.sizes), shard)[0]
    for table, _, url in loader.tables(shard, {name: None, weight: None}):
        if weight:  # a scan of a fold leaves out rows of weight 0
            table = table.filter(pc.greater(one_array(table.column(weight)).cast(pa.float64()), 0))
        where = f"{url}: column '{name}'"
        numbers = group_numbers(table.column(name), where) if schema.group else np.ones(table.num_rows)
        start = 0
        while start < len(numbers):
            rows = next(batches)
            part = numbers[start : start + len(rows.x)]
            yield PlacedRows(rows, place, part)
            start += len(part)
            place += len(part)
