"""Whole passes over the data on YARN, from HDFS, beside Spark: whole commands, and their time from the first row.

A Hadoop of processes on this machine, which finds both programs' packages on every node.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import yaml

from benchmarks.measure import Column, interleaved, report
from benchmarks.on_hadoop import copied, started
from benchmarks.peers.process import Answer, Peer, once, present
from benchmarks.tables import Table
from yarnml import storage

OURS = "yarnml submit, 2 workers"

COLUMNS = [
    Column("the whole command s", lambda a: a["command"], compared=True),
    Column("reading and fit s", lambda a: a["seconds"], compared=True),
]


def measure(table: Table, job: Callable[[str, str], dict[str, Any]], iterations: int, rounds: int) -> None:
    """Measure a job of yarnml beside Spark.

    ``job``: (the table's folder, a folder for the job) → a job that ends with ``iterations``.
    """
    with started() as (_, home):
        train = copied(table.folder, f"{home}/{table.folder.name}")
        needs = ["pyspark", "/java"]
        spark = {
            "Spark MLlib, 2 executors": Peer("logistic", ["spark", table.code, str(iterations), train], needs=needs)
        }
        numbers = count()
        blocks: dict[str, Callable[[], Answer]] = {OURS: lambda: _submit(job(train, f"{home}/{next(numbers)}"))}
        blocks |= {name: _timed(once(peer)) for name, peer in present(spark).items()}
        report(interleaved(blocks, rounds), COLUMNS, OURS)


def _timed(block: Callable[[], Answer]) -> Callable[[], Answer]:
    def timed() -> Answer:
        start = time.perf_counter()
        return block() | {"command": time.perf_counter() - start}

    return timed


def _submit(job: dict[str, Any]) -> Answer:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "job.yaml"
        path.write_text(yaml.safe_dump(job))
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "yarnml", "submit", path], check=True, stdout=subprocess.DEVNULL)
        command = time.perf_counter() - start
    noted = json.loads(storage.read(f"{job['checkpoint']['path']}/outcome.json"))["seconds"]
    return {"command": command, "seconds": noted["total"] - noted["until_built"]}
