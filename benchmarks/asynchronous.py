"""Asynchronous steps of a table beside synchronous ones: two workers, alike and with one at a third of its speed."""

import statistics
import tempfile
from contextlib import ExitStack
from functools import partial
from typing import Any

import psutil

from benchmarks import clicks
from benchmarks.clicks import Clicks
from benchmarks.measure import Column, interleaved, report
from benchmarks.passes import Stopwatch
from benchmarks.peers.process import Answer
from benchmarks.straggler import slowed, workers
from yarnml.events.events import EpochDone, Event

RUNNING_SECONDS = 0.03
STOPPED_SECONDS = 0.06
"""Running and stopped in turn for these times, a process has a third of its speed."""

COLUMNS = [
    Column("an epoch s", lambda a: a["seconds"], compared=True),
    Column("CPU s", lambda a: a["cpu"]),
    Column("AUC", lambda a: a["auc"]),
]


def main(rounds: int = 1, rows: int = 400_000, passes: int = 3, batch: int = 4096, staleness: int = 4) -> None:
    """Two workers on a table whose owner is a process of its own, synchronous and not, with and without a straggler."""
    table = Clicks(rows)
    clicks.write(table)
    print(f"asynchronous: FTRL on {table.train_rows} synthetic rows like Criteo's, {batch} a step, {passes} epochs")
    ways: dict[str, dict[str, Any]] = {
        "synchronous": {},
        "asynchronous": {"consistency": "asynchronous"},
        f"asynchronous, staleness {staleness}": {"consistency": "asynchronous", "staleness": staleness},
    }
    for title, slow in (("two workers", False), ("two workers, one at a third of its speed", True)):
        blocks = {name: partial(fit, table, passes, batch, way, slow=slow) for name, way in ways.items()}
        print(f" {title}")
        report(interleaved(blocks, rounds), COLUMNS, limit="synchronous")


def fit(table: Clicks, passes: int, batch: int, way: dict[str, Any], *, slow: bool) -> Answer:
    """A job with two workers; an epoch is one of the later ones, in which a worker is slow."""
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
            "training": {"epochs": passes, "batch_size": batch, "shards": 2, "state": "sharded", **way},
            "evaluation": {"every": f"{passes} epochs"},
            "workers": {"count": 2, "cache": "4 GiB"},
            "reducers": {"count": 1},
            "checkpoint": {"path": f"{folder}/job", "every": "1000000 epochs"},
        }
        with ExitStack() as slowing:
            job = _Slowed(spec, slowing) if slow else Stopwatch(spec)
        for remark in job.outcome.remarks:
            print(f"  {remark}")
    seconds, cpu = (statistics.median(taken[1:]) for taken in (job.seconds, job.cpu))
    return {"seconds": seconds, "cpu": cpu, "auc": job.outcome.metrics["test"]["roc_auc"]}


class _Slowed(Stopwatch):
    """A job one of whose workers is slow after the first epoch, until ``slowing`` ends."""

    def __init__(self, spec: dict[str, Any], slowing: ExitStack) -> None:
        self._slowing = slowing
        super().__init__(spec)

    def _note(self, event: Event) -> None:
        super()._note(event)
        if isinstance(event, EpochDone) and event.epoch == 1:
            worker = workers(psutil.Process().pid)[-1]
            self._slowing.enter_context(slowed(worker, RUNNING_SECONDS, STOPPED_SECONDS))
