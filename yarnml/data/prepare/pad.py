"""The first or the last numbers of lists, as many of each."""

import numpy as np
import pyarrow as pa

from yarnml.data.arrays import Array
from yarnml.data.prepare import lists
from yarnml.job.prepare import Pad

needs = lists.needs
gives = lists.gives
find = lists.find
learn = lists.learn


def names(step: Pad, column: str) -> list[str]:
    return [f"{column}[{place}]" for place in range(step.length)]


def apply(step: Pad, column: pa.Array, where: str) -> Array:
    entries = lists.lists_of(column, where)
    places = entries.places
    if step.keep == "last":
        places = places - np.repeat(np.maximum(entries.lengths - step.length, 0), entries.lengths)
    is_kept = (places >= 0) & (places < step.length)
    padded = np.full((len(entries.lengths), step.length), step.fill)
    padded[entries.rows[is_kept], places[is_kept]] = entries.values[is_kept]
    padded[np.isnan(padded)] = step.fill
    return padded
