"""Sums over all rows of a dataset: one full pass, in float64, and one all-reduce."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import numpy as np

from yarnml.data.schema import Rows
from yarnml.job.spec import Workers
from yarnml.reduce.tree import Value, Vector, float64_of
from yarnml.worker.tasks import Tasks

BatchSum = Callable[[Rows], Value]
"""Sums over the rows of one batch."""

_Batch = TypeVar("_Batch")


def sum_shard(batches: Iterable[_Batch], function: Callable[[_Batch], Value], on_batch: Callable[[], None]) -> Vector:
    """Add up function(rows) over the batches of one shard, in their order, as float64.

    ``on_batch`` is called after every batch.
    """
    total: Any = None
    for rows in batches:
        part = float64_of(function(rows))
        on_batch()
        total = part if total is None else np.add(total, part, out=total)
    return total


def sum_dataset(
    scan: Callable[[int], Iterable[_Batch]],
    function: Callable[[_Batch], Value],
    tasks: Tasks,
    workers: Workers,
    on_batch: Callable[[], None],
    step: int = 0,
) -> Vector:
    """Add up function(rows) over all shards, those of the other workers included.

    ``scan``: a shard's number → its batches; ``on_batch`` is called after every batch.
    ``step``: how many sums this command has had before.
    """

    def task(shard: int) -> Value:
        return sum_shard(scan(shard), function, on_batch)

    return float64_of(tasks.reduce(step, tasks.map(step, task), task, workers))
