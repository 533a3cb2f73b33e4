"""Gradient accumulation: a batch goes through a network a micro-batch at a time, so that memory holds only one.

Sums over rows are the sums over the parts, so they are those of the whole batch, but for the order of additions.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from yarnml.learners.base import Batch, Sums


def sum_by_parts(function: Callable[[Batch], Sums], batch: Batch, max_rows: int | None) -> Sums:
    """Compute function(batch), a sum over its rows, by adding up micro-batches.

    ``max_rows``: of a micro-batch; None: the batch is mapped at once.
    """
    count = _parts(batch, max_rows)
    if count == 1:
        return function(batch)
    parts = deal_rows(batch, count)

    def add(total: Sums, part: Batch) -> tuple[Sums, None]:
        return jax.tree.map(jnp.add, total, function(part)), None

    form = jax.eval_shape(function, jax.tree.map(lambda a: a[0], parts))
    return jax.lax.scan(add, jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), form), parts)[0]


def deal_rows(batch: Batch, count: int) -> Batch:
    """Deal the rows of a batch out in turn: [rows, …] → [count, rows / count, …], filled up with rows of weight 0."""
    return Batch(_deal(batch.x, count), _deal(batch.y, count), _deal(batch.weight, count, jnp.zeros(1)))


def map_by_parts(function: Callable[[Batch], Any], batch: Batch, max_rows: int | None) -> Any:
    """Compute function(batch), arrays [rows, …] of which each row depends on its own row alone, by micro-batches.

    ``max_rows``: of a micro-batch; None: the batch is mapped at once.
    """
    count = _parts(batch, max_rows)
    if count == 1:
        return function(batch)
    outputs = jax.lax.map(function, jax.tree.map(lambda a: _deal(a, count), batch))
    rows = batch.weight.shape[0]
    return jax.tree.map(lambda a: jnp.swapaxes(a, 0, 1).reshape(-1, *a.shape[2:])[:rows], outputs)


def _parts(batch: Batch, max_rows: int | None) -> int:
    return 1 if max_rows is None else max(1, -(-batch.weight.shape[0] // max_rows))


def _deal(a: jax.Array, count: int, fill: jax.Array | None = None) -> jax.Array:
    """Deal rows out in turn: [rows, …] → [count, rows / count, …], filled up with the first row, or ``fill``."""
    length = -(-a.shape[0] // count)
    missing = jnp.repeat(a[:1] if fill is None else fill, count * length - a.shape[0], axis=0)
    return jnp.swapaxes(jnp.concatenate([a, missing]).reshape(length, count, *a.shape[1:]), 0, 1)
