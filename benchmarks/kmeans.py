"""k-means by Lloyd's iterations over all rows.

Limit: one JAX process with two threads that has all rows in memory.  Peers begin with the first rows as centres; Spark
can't be told any.  yarnml's job begins with three passes that look for a start; an iteration is one of the later ones.
"""

import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks import tables
from benchmarks.measure import Column, interleaved, report
from benchmarks.passes import Stopwatch
from benchmarks.peers.process import Answer, Peer, once, present
from benchmarks.tables import Table

START = 3  # passes
LIMIT = "JAX, 1 process, 2 threads"

COLUMNS = [
    Column("an iteration ms", lambda a: 1e3 * a["iteration"], compared=True),
    Column("whole s", lambda a: a["seconds"]),
    Column("mean squared distance", lambda a: a["loss"]),
]


def main(rounds: int = 5, rows: int = 2_000_000, width: int = 28, clusters: int = 16, iterations: int = 10) -> None:
    """Lloyd's iterations of k-means, beside JAX, scikit-learn and Spark."""
    table = Table(rows, width)
    train = str(tables.write(table))
    size = [table.code, str(clusters), str(iterations)]
    peers = {
        LIMIT: Peer("kmeans", ["jax", *size]),
        "scikit-learn, 2 threads": Peer("kmeans", ["sklearn", *size], needs=["sklearn"]),
        "Spark MLlib, local[2]": Peer("kmeans", ["spark", *size], needs=["pyspark", "/java"]),
    }
    print(f"kmeans: {rows} synthetic rows of {width} features, {clusters} clusters, {iterations} iterations")
    blocks: dict[str, Callable[[], Answer]] = {name: once(peer) for name, peer in present(peers).items()}
    blocks["yarnml, 2 workers"] = lambda: fit(table, train, clusters, iterations)
    report(interleaved(blocks, rounds), COLUMNS, LIMIT)


def fit(table: Table, train: str, clusters: int, iterations: int) -> Answer:
    with tempfile.TemporaryDirectory() as folder:
        learner = {"kind": "kmeans", "clusters": clusters}
        training = {"epochs": START + iterations}
        job = Stopwatch(tables.job(table, train, Path(folder), learner, training))
    iteration = statistics.median(job.seconds[START:])
    return {"seconds": sum(job.seconds), "iteration": iteration, "loss": job.losses[-1]}
