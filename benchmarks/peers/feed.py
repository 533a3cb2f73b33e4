"""Rows by hand: ``scan`` or ``keep TABLE``, by pyarrow.dataset from the files; ``in-order`` or ``shuffled TABLE``, from
an array to JAX; ``waiting TABLE``, shuffled, by processes that wait for each other after every batch.
"""

import sys
import time

from benchmarks.feed import batch
from benchmarks.peers.barrier import barrier
from benchmarks.peers.process import Answer, place, serve
from benchmarks.tables import Table, decoded


def scan(table: Table) -> Answer:
    """One scan of all features; nothing is done with them."""
    import pyarrow.dataset as ds

    start = time.perf_counter()
    batches = ds.dataset(table.folder, format="parquet").scanner(columns=table.features).to_batches()
    rows = sum(rows.num_rows for rows in batches)
    return {"seconds": time.perf_counter() - start, "rows": rows}


def keep(table: Table) -> Answer:
    """All features in memory, as Arrow's columns."""
    import pyarrow.dataset as ds

    start = time.perf_counter()
    columns = ds.dataset(table.folder, format="parquet").to_table(columns=table.features)
    return {"seconds": time.perf_counter() - start, "rows": columns.num_rows}


class Memory:
    """This process's part of the rows in memory; each call is an epoch of batches, which JAX looks at."""

    def __init__(self, table: Table, *, shuffled: bool, waiting: bool) -> None:
        import jax
        import numpy as np

        from benchmarks.models import Idle

        rank, self._world = place()
        self._shuffle = np.random.default_rng(rank).permutation if shuffled else None
        self._x = np.random.default_rng(rank).normal(size=(table.rows // self._world, table.width)).astype(np.float32)
        self._batch = max(1, batch(table) // self._world)
        self._meet = barrier() if waiting else None
        self._parameters = Idle().init(None)
        self._look = jax.jit(lambda parameters, x: Idle().predict(parameters, x).sum())
        self()  # the compiler

    def __call__(self) -> Answer:
        start = time.perf_counter()
        last = len(self._x) - self._batch
        order = self._shuffle(len(self._x)) if self._shuffle else None
        for low in range(0, last + 1, self._batch):
            at = slice(low, low + self._batch)
            rows = self._x[at] if order is None else self._x.take(order[at], axis=0)
            self._look(self._parameters, rows).block_until_ready()
            if self._meet:
                self._meet()
        rows = self._world * self._batch * (1 + last // self._batch)
        return {"seconds": time.perf_counter() - start, "rows": rows}


if __name__ == "__main__":
    way, code = sys.argv[1:]
    table = decoded(code)
    routes = {"scan": lambda: scan(table), "keep": lambda: keep(table)}
    serve(routes[way] if way in routes else Memory(table, shuffled=way != "in-order", waiting=way == "waiting"))
