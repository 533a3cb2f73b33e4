"""Models of keys: rows like Criteo's, of 39 keys each.

Limit: a loop row by row, which numba compiles, over keys in memory.  yarnml's first epoch reads Parquet and hashes; a
later one has its rows in the cache, shuffled, and takes steps of several thousand rows.
"""

import math
import statistics
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from benchmarks import clicks, large_table
from benchmarks.clicks import Clicks
from benchmarks.measure import Column, align, interleaved, report
from benchmarks.passes import Stopwatch
from benchmarks.peers.process import Answer, Peer, once, present
from benchmarks.sparse_targets import ONE, Taken, compared
from yarnml.worker.affinity import available_cores, bind_thread

COLUMNS = [
    Column("an epoch s", lambda a: a["seconds"], compared=True),
    Column("CPU s", lambda a: a["cpu"]),
    Column("first epoch s", lambda a: a.get("first", math.nan)),
    Column("all epochs s", lambda a: a["whole"]),
    Column("GiB", lambda a: a["memory"] / 2**30),
    Column("AUC", lambda a: a.get("auc", math.nan)),
    Column("log loss", lambda a: a.get("loss", math.nan)),
]

FTRL = {"kind": "sparse_linear"}
ADAGRAD = {"kind": "sparse_linear", "optimizer": {"kind": "adagrad", "learning_rate": 0.05}}
FACTORS = {"kind": "sparse_factorization_machine", "rank": 8}
DLRM = {"kind": "dlrm", "width": 16, "hidden": [64]}

Blocks = Mapping[str, Callable[[], Answer]]


def main(rounds: int = 1, rows: int = 1_000_000, passes: int = 3, keys: int = 100_000_000, only: str = "") -> None:
    """Keys: linear models, factors and DLRM, beside compiled loops, Vowpal Wabbit, Spark and torch; large tables.

    ``keys``: of the largest table; what a step of 1,000 workers sends is counted, not measured.
    ``only``: a part of the names of what is measured: ftrl, adagrad, factors, dlrm, workers 8192, workers 32768, large.
    """
    table = Clicks(rows)
    clicks.write(table)
    few = Clicks(rows // 8)
    clicks.write(few)
    print(
        f"sparse: {table.train_rows} synthetic rows like Criteo's of {len(table.features)} keys, {passes} epochs; "
        "limit/this of the first row of each table"
    )

    comparison = Comparison(table, rounds, passes, only)
    models(comparison, few)
    for batch in (8192, 32_768):
        workers(comparison, batch)
    print(" targets")
    align(compared(comparison.taken))
    if only in "large":
        large_table.main(keys)


def models(comparison: "Comparison", few: Clicks) -> None:
    """Each kind of model by one worker, beside others; ``few``: rows for a network, which takes long."""
    peers = comparison.peers
    job = comparison.job
    rivals = peers(a_loop_in_numba="ftrl", Vowpal_Wabbit="vw", Spark_MLlib="spark")
    comparison.show("ftrl", "FTRL, 8,192 rows a step", rivals | {ONE: job()})
    rivals = peers(a_loop_in_numba="adagrad")
    comparison.show("adagrad", "Adagrad, 8,192 rows a step", rivals | {ONE: job(ADAGRAD)})
    rivals = peers(a_loop_in_numba="factors")
    comparison.show("factors", "factors of rank 8, 8,192 rows a step", rivals | {ONE: job(FACTORS)})
    title = f"DLRM, 1,024 rows a step, {few.train_rows:,} rows"
    rivals = peers(few, its_network_in_JAX="network", torch="torch")
    comparison.show("dlrm", title, rivals | {ONE: job(DLRM, 1024, table=few)})


def workers(comparison: "Comparison", batch: int) -> None:
    """FTRL by one and two workers; ``batch``: rows of a step."""
    job = partial(comparison.job, batch=batch)
    sharded = partial(job, workers=2, state="sharded")
    blocks = {
        "1 worker": job(),
        "1 worker, 1 core": job(cores=1),
        "2 workers": job(workers=2),
        "2 workers, a delay": job(workers=2, delay=1),
        "2 workers, sharded": sharded(),
        "2 workers, sharded, no followers": sharded(followers=0),
        "2 workers, sharded, no followers, a delay": sharded(followers=0, delay=1),
    }
    title = f"workers, FTRL, {batch:,} rows a step; each of two has one core, one has both"
    comparison.show(f"workers {batch}", title, blocks)


class Comparison:
    """Tables of jobs and peers.

    ``only``: a part of the names of those that are made.
    ``taken``: the answers of each table that was made, by its name.
    """

    def __init__(self, table: Clicks, rounds: int, passes: int, only: str) -> None:
        self.taken: dict[str, Taken] = {}
        self._table = table
        self._rounds = rounds
        self._passes = passes
        self._only = only

    def peers(self, table: Clicks | None = None, **ways: str) -> Blocks:
        """The peers that are installed; ``ways``: of `benchmarks.peers.sparse`, by their titles."""
        size = [str((table or self._table).rows), str(self._passes)]
        needs = {"vw": ["vowpalwabbit"], "network": ["jax"], "torch": ["torch"], "spark": ["pyspark", "/java"]}
        named = {
            name.replace("_", " "): Peer(
                "sparse", [way, *size], needs=needs.get(way, ["numba"]), variables={"NPROC": "1"}
            )
            for name, way in ways.items()
        }
        return {name: once(peer) for name, peer in present(named).items()}

    def job(
        self,
        learner: Mapping[str, Any] = FTRL,
        batch: int = 8192,
        workers: int = 1,
        table: Clicks | None = None,
        **fields: Any,
    ) -> Callable[[], Answer]:
        """A job of yarnml's; ``fields``: of `fit`."""
        return partial(fit, table or self._table, self._passes, batch, learner, workers=workers, **fields)

    def show(self, name: str, title: str, blocks: Blocks) -> None:
        """Measure a table, and print it."""
        if self._only not in name:
            return
        print(f" {title}")
        self.taken[name] = interleaved(blocks, self._rounds)
        report(self.taken[name], COLUMNS, limit=next(iter(blocks)))


@contextmanager
def kept_to(cores: int | None) -> Iterator[None]:
    """Keep this thread, and all that it starts, to so many cores."""
    available = available_cores()
    bind_thread(sorted(available)[:cores])
    try:
        yield
    finally:
        bind_thread(available)


def fit(
    table: Clicks,
    passes: int,
    batch: int,
    learner: Mapping[str, Any],
    *,
    workers: int,
    state: str = "replicated",
    followers: int = 1,
    delay: int = 0,
    cores: int | None = None,
) -> Answer:
    """A job from Parquet; an epoch is one of the later ones, where there are any.

    ``cores``: that the job has to itself; None for all of this machine.
    """
    with tempfile.TemporaryDirectory() as folder, kept_to(cores):
        spec: dict[str, Any] = {
            "name": table.folder.name,
            "data": table.data,
            "learner": learner,
            "training": {"epochs": passes, "batch_size": batch, "shards": workers, "state": state, "delay": delay},
            "evaluation": {"every": f"{passes} epochs"},
            "workers": {"count": workers, "cache": "4 GiB"},
            "reducers": {"followers": followers},
            "checkpoint": {"path": f"{folder}/job", "every": "1000000 epochs"},
        }
        job = Stopwatch(spec)
        metrics = job.outcome.metrics["test"]
    seconds, cpu = (statistics.median(taken[1:] or taken) for taken in (job.seconds, job.cpu))
    return {
        "seconds": seconds,
        "cpu": cpu,
        "first": job.seconds[0],
        "whole": sum(job.seconds),
        "memory": job.memory,
        "auc": metrics["roc_auc"],
        "loss": metrics["loss"],
    }
