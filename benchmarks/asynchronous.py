"""Asynchronous steps of a table beside synchronous ones: two workers that are alike, and one of which is slow.

Where a worker is slow, the computing of both is mostly a pause, so that the machine's load hardly counts.
"""

import statistics
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import clicks
from benchmarks.clicks import Clicks
from benchmarks.measure import Column, interleaved, report
from benchmarks.passes import Stopwatch
from benchmarks.peers.process import Answer

COLUMNS = [
    Column("an epoch s", lambda a: a["seconds"], compared=True),
    Column("CPU s", lambda a: a["cpu"]),
    Column("AUC", lambda a: a["auc"]),
]

PAUSE_SECONDS = 0.1
SLOWER = 3
PAUSED = f"""
import os
import time
import jax
import jax.numpy as jnp
import numpy as np

SECONDS = {PAUSE_SECONDS} * ({SLOWER} if os.environ["YARNML_INDEX"] == "1" else 1)


def pause():
    time.sleep(SECONDS)
    return np.float32(0)


class Net:
    def init(self, key, schema):
        return {{"bias": jnp.zeros(())}}

    def score(self, parameters, rows, x, entries):
        nothing = jax.pure_callback(pause, jax.ShapeDtypeStruct((), jnp.float32))
        return entries.sums(rows["weight"], x.shape[0])[:, 0] + parameters["bias"] + nothing
"""


def main(rounds: int = 1, rows: int = 400_000, passes: int = 3, batch: int = 4096, staleness: int = 4) -> None:
    """Two workers on a table whose owner is a process of its own, synchronous and not, with and without a straggler."""
    table = Clicks(rows)
    clicks.write(table)
    ways: dict[str, dict[str, Any]] = {
        "synchronous": {},
        "asynchronous": {"consistency": "asynchronous"},
        f"asynchronous, staleness {staleness}": {"consistency": "asynchronous", "staleness": staleness},
    }
    print(f"asynchronous: two workers, {table.train_rows} synthetic rows like Criteo's, {passes} epochs")
    print(f" FTRL, {batch} rows a step")
    blocks = {name: partial(fit, table, passes, batch, way) for name, way in ways.items()}
    report(interleaved(blocks, rounds), COLUMNS, limit="synchronous")
    print(f" 30 steps an epoch of {PAUSE_SECONDS} s, which take one of the workers {SLOWER} times as long")
    steps = table.train_rows // 30
    blocks = {name: partial(fit, table, passes, steps, way, paused=True) for name, way in ways.items()}
    report(interleaved(blocks, rounds), COLUMNS, limit="synchronous")


def fit(table: Clicks, passes: int, batch: int, way: dict[str, Any], *, paused: bool = False) -> Answer:
    """A job with two workers; an epoch is one of the later ones."""
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "paused.py"
        model.write_text(PAUSED)
        tables = {"weight": {"width": 1, "optimizer": {"kind": "ftrl"}}}
        own = {"kind": "custom_tables", "path": f"{model}:Net", "tables": tables}
        spec: dict[str, Any] = {
            "name": table.folder.name,
            "data": table.data,
            "learner": own if paused else {"kind": "sparse_linear"},
            "training": {"epochs": passes, "batch_size": batch, "shards": 2, "state": "sharded", **way},
            "evaluation": {"every": f"{passes} epochs"},
            "workers": {"count": 2, "cache": "4 GiB"},
            "reducers": {"count": 1},
            "checkpoint": {"path": f"{folder}/job", "every": "1000000 epochs"},
        }
        job = Stopwatch(spec)
        for remark in job.outcome.remarks:
            print(f"  {remark}")
    seconds, cpu = (statistics.median(taken[1:]) for taken in (job.seconds, job.cpu))
    return {"seconds": seconds, "cpu": cpu, "auc": job.outcome.metrics["test"]["roc_auc"]}
