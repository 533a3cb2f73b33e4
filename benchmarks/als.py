"""Alternating least squares on implicit feedback, since that is what all of them have.

An iteration solves all users and all items.  Limit: implicit, which solves every system exactly, as yarnml does; its
usual way, a few steps of conjugate gradients from the factors of the iteration before, is told apart.  Quality is how
many of the pairs that were held back are recommended.
"""

import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import safetensors.numpy

from benchmarks import ratings, tables
from benchmarks.measure import Column, interleaved, report
from benchmarks.passes import Stopwatch
from benchmarks.peers.process import Answer, Peer, once, present
from benchmarks.ratings import TOP, Ratings

CONFIDENCE = 10.0
L2 = 1.0
ONE = {"OPENBLAS_NUM_THREADS": "1"}  # implicit has threads of its own around the BLAS

COLUMNS = [
    Column("an iteration ms", lambda a: 1e3 * a["iteration"], compared=True),
    Column("whole s", lambda a: a["seconds"]),
    Column(f"recall of {TOP}", lambda a: a["recall"]),
]


def main(rounds: int = 5, count: int = 5_000_000, items: int = 10_000, rank: int = 32, iterations: int = 5) -> None:
    """Alternating least squares, beside implicit, JAX and Spark."""
    table = Ratings(count, items)
    ratings.write(table)
    size = [table.code, str(rank), str(iterations)]
    peers = {
        "implicit, 2 threads": Peer("als", ["implicit", *size], needs=["implicit"], variables=ONE),
        "implicit, conjugate gradients": Peer("als", ["gradients", *size], needs=["implicit"], variables=ONE),
        "JAX, 1 process, 2 threads": Peer("als", ["jax", *size]),
        "Spark MLlib, local[2]": Peer("als", ["spark", *size], needs=["pyspark", "/java"]),
    }
    print(
        f"als: {count} synthetic ratings of {items} items by {table.users} users, rank {rank}, {iterations} iterations"
    )
    blocks: dict[str, Callable[[], Answer]] = {name: once(peer) for name, peer in present(peers).items()}
    blocks["yarnml, 2 workers"] = lambda: fit(table, rank, iterations)
    report(interleaved(blocks, rounds), COLUMNS, limit=next(iter(blocks)))


def fit(table: Ratings, rank: int, iterations: int) -> Answer:
    """The first epoch, which has no users yet, reads; an iteration is one of the later ones."""
    learner = {"kind": "als", "users": table.users, "items": table.items, "rank": rank}
    learner |= {"feedback": "implicit", "confidence": CONFIDENCE, "l2": L2}
    with tempfile.TemporaryDirectory() as folder:
        spec: dict[str, Any] = tables.job(table, str(table.train), Path(folder), learner, {"epochs": 1 + iterations})
        spec["data"] |= {"label": "amount", "label_type": "number"}
        job = Stopwatch(spec | {"export": f"{folder}/models"})
        model = safetensors.numpy.load_file(f"{job.outcome.export}/model.safetensors")
    users, items = (model[f"parameters/{side}/factors"] for side in ("users", "items"))
    seconds = statistics.median(job.seconds[1:])
    return {"seconds": sum(job.seconds), "iteration": seconds, "recall": ratings.recall(table, users, items)}
