"""Gradient accumulation: a batch goes through a network a micro-batch at a time, so that memory holds only one.

Sums over rows are the sums over the parts, so they are those of the whole batch, but for the order of additions.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from yarnml.learners.base import Batch, Sums


def summed(function: Callable[[Batch], Sums], batch: Batch, most: int | None) -> Sums:
    """function(batch), a sum over its rows, added up over micro-batches of ``most`` rows at most; None: all at once."""
    count = _parts(batch, most)
    if count == 1:
        return function(batch)
    parts = Batch(_dealt(batch.x, count), _dealt(batch.y, count), _dealt(batch.weight, count, jnp.zeros(1)))

    def add(total: Sums, part: Batch) -> tuple[Sums, None]:
        return jax.tree.map(jnp.add, total, function(part)), None

    form = jax.eval_shape(function, jax.tree.map(lambda a: a[0], parts))
    return jax.lax.scan(add, jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), form), parts)[0]


def row_by_row(function: Callable[[Batch], Any], batch: Batch, most: int | None) -> Any:
    """function(batch), arrays [rows, …] of what is known of each row alone, computed for ``most`` rows at once."""
    count = _parts(batch, most)
    if count == 1:
        return function(batch)
    found = jax.lax.map(function, jax.tree.map(lambda a: _dealt(a, count), batch))
    rows = batch.weight.shape[0]
    return jax.tree.map(lambda a: jnp.swapaxes(a, 0, 1).reshape(-1, *a.shape[2:])[:rows], found)


def _parts(batch: Batch, most: int | None) -> int:
    return 1 if most is None else max(1, -(-batch.weight.shape[0] // most))


def _dealt(a: jax.Array, count: int, fill: jax.Array | None = None) -> jax.Array:
    """[rows, …] → [count, rows / count, …], dealt out in turn; the rest is filled with the first row, or ``fill``."""
    length = -(-a.shape[0] // count)
    missing = jnp.repeat(a[:1] if fill is None else fill, count * length - a.shape[0], axis=0)
    return jnp.swapaxes(jnp.concatenate([a, missing]).reshape(length, count, *a.shape[1:]), 0, 1)
