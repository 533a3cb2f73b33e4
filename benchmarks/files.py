"""Time to plan a job on many small Parquet files, on a local disk and on a Hadoop of processes.

A plan lists the files and reads the footer of each.  What it says is the same wherever the files lie.
"""

import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from benchmarks.measure import align, spread
from benchmarks.on_hadoop import started
from yarnml import storage
from yarnml.data.formats import parquet
from yarnml.data.plan import make_plan
from yarnml.job.load import load_job

ROWS = 20  # of a file
COLUMNS = 10
WRITERS = 16


class Taken(NamedTuple):
    """Seconds of a plan, and the fingerprint of its rows; ``cpu_of_others``: of processes that were started for it."""

    seconds: float
    cpu: float
    cpu_of_others: float
    fingerprint: str


def main(files: int = 10_000, rounds: int = 3) -> None:
    """Plan a job on so many files of 20 rows each, on a local disk and on HDFS by both ways."""
    print(f"files: plan of a job on {files} Parquet files of {ROWS} rows; median (min-max) of {rounds}")
    with tempfile.TemporaryDirectory() as folder, started() as (cluster, home):
        web = f"{cluster.hdfs_web.replace('http', 'webhdfs')}/tmp/bench"
        write(folder, files)
        write(f"{home}/files", files)
        urls = {"local disk": folder, "hdfs://": f"{home}/files", "webhdfs://": f"{web}/files"}
        taken = {name: [plan(url) for _ in range(rounds)] for name, url in urls.items()}
        lines = [["", "seconds", "CPU seconds", "of other processes"]]
        for name, plans in taken.items():
            figures = zip(*(one[:3] for one in plans), strict=True)
            lines.append([name, *map(spread, figures)])
        align(lines)
        prints = {one.fingerprint for plans in taken.values() for one in plans}
        print(f"  different fingerprints of the rows: {len(prints)}", flush=True)


def write(folder: str, files: int) -> None:
    """Write the files, many at a time."""
    values = np.random.default_rng(0).random((files, COLUMNS + 1, ROWS))

    def save(number: int) -> None:
        table = pa.table(dict(zip([*features(), "y"], values[number], strict=True)))
        storage.write(f"{folder}/part-{number:05}.parquet", parquet.encode(table))

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(save, range(files)))


def features() -> list[str]:
    """The names of the columns to learn from."""
    return [f"x{number}" for number in range(COLUMNS)]


def plan(url: str) -> Taken:
    """Plan a job on a folder."""
    data = {"train": url, "features": features(), "label": "y", "label_type": "number"}
    job = load_job({"name": "files", "data": data, "learner": {"kind": "linear"}, "checkpoint": {"path": f"{url}-job"}})
    start = time.perf_counter()
    before = os.times()
    made = make_plan(job)
    seconds = time.perf_counter() - start
    after = os.times()
    own = after.user + after.system - before.user - before.system
    of_others = after.children_user + after.children_system - before.children_user - before.children_system
    return Taken(seconds, own, of_others, made.datasets["train"].fingerprint)
