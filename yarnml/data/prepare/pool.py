"""Statistics of lists of numbers: the mean, the sum, the least, the greatest, and how many there are."""

import numpy as np
import pyarrow as pa

from yarnml.data.arrays import Array
from yarnml.data.prepare import lists
from yarnml.job.prepare import Pool

needs = lists.needs
gives = lists.gives
find = lists.find
learn = lists.learn


def names(step: Pool, column: str) -> list[str]:
    return [f"{column} {statistic}" for statistic in step.by]


def apply(step: Pool, column: pa.Array, where: str) -> Array:
    entries = lists.lists_of(column, where)
    is_present = ~np.isnan(entries.values)
    rows = entries.rows[is_present]
    values = entries.values[is_present]
    count = np.bincount(rows, minlength=len(entries.lengths))
    total = np.bincount(rows, values, minlength=len(count))
    pooled = {
        "count": count.astype(np.float64),
        "sum": total,
        "mean": np.divide(total, count, out=np.full(len(count), step.fill), where=count > 0),
        "min": np.full(len(count), step.fill),
        "max": np.full(len(count), step.fill),
    }
    if len(values):
        starts = (np.cumsum(count) - count)[count > 0]
        pooled["min"][count > 0] = np.minimum.reduceat(values, starts)
        pooled["max"][count > 0] = np.maximum.reduceat(values, starts)
    return np.stack([pooled[statistic] for statistic in step.by], axis=1)
