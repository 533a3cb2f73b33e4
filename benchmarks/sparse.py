"""Logistic regression on keys by FTRL-proximal: rows like Criteo's, of 39 keys each.

Limit: a loop row by row, which numba compiles, over keys in memory.  yarnml's first epoch reads Parquet and hashes; a
later one has its rows in the cache, shuffled, and takes steps of several thousand rows.
"""

import statistics
import tempfile
from collections.abc import Callable
from typing import Any

from benchmarks import clicks
from benchmarks.clicks import Clicks
from benchmarks.measure import Column, interleaved, report
from benchmarks.passes import Stopwatch
from benchmarks.peers.process import Answer, Peer, once, present

LIMIT = "a loop in numba, 1 thread"

COLUMNS = [
    Column("an epoch s", lambda a: a["seconds"], compared=True),
    Column("first epoch s", lambda a: a.get("first", a["seconds"])),
    Column("AUC", lambda a: a["auc"]),
]


def main(rounds: int = 3, rows: int = 400_000, passes: int = 3, batch: int = 8192, *, sharded: bool = False) -> None:
    """Keys: logistic regression by FTRL, beside a compiled loop and Vowpal Wabbit.

    ``--sharded``: a job whose workers own a part of the table each, too.
    """
    table = Clicks(rows)
    clicks.write(table)
    print(
        f"sparse: {table.train_rows} synthetic rows like Criteo's of {len(table.features)} keys, {passes} epochs, "
        f"{batch} rows a step"
    )
    size = [str(rows), str(passes)]
    peers = {
        LIMIT: Peer("sparse", ["loop", *size], needs=["numba"]),
        "Vowpal Wabbit, 2 threads": Peer("sparse", ["vw", *size], needs=["vowpalwabbit"]),
    }
    blocks: dict[str, Callable[[], Answer]] = {name: once(peer) for name, peer in present(peers).items()}
    blocks["yarnml, 1 worker"] = lambda: fit(table, passes, batch, workers=1)
    blocks["yarnml, 2 workers"] = lambda: fit(table, passes, batch, workers=2)
    if sharded:
        owned = {"workers": 2, "state": "sharded"}
        blocks["yarnml, 2 workers, sharded"] = lambda: fit(table, passes, batch, **owned)
        blocks["yarnml, the same without followers"] = lambda: fit(table, passes, batch, **owned, followers=0)
    report(interleaved(blocks, rounds), COLUMNS, limit=next(iter(blocks)))


def fit(
    table: Clicks, passes: int, batch: int, *, workers: int, state: str = "replicated", followers: int = 1
) -> Answer:
    """A job from Parquet; an epoch is one of the later ones."""
    with tempfile.TemporaryDirectory() as folder:
        spec: dict[str, Any] = {
            "name": table.folder.name,
            "data": {
                "train": str(table.folder / "train"),
                "test": str(table.folder / "test"),
                "features": table.features,
                "label": "label",
                "classes": [0, 1],
                "prepare": [{"kind": "key", "columns": table.features, "bits": 22}],
            },
            "learner": {"kind": "sparse_linear"},
            "training": {"epochs": passes, "batch_size": batch, "shards": workers, "state": state},
            "evaluation": {"every": f"{passes} epochs"},
            "workers": {"count": workers, "cache": "4 GiB"},
            "reducers": {"followers": followers},
            "checkpoint": {"path": f"{folder}/job", "every": "1000000 epochs"},
        }
        job = Stopwatch(spec)
        metrics = job.outcome.metrics["test"]
    return {"seconds": statistics.median(job.seconds[1:]), "first": job.seconds[0], "auc": metrics["roc_auc"]}
