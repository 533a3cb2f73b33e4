"""Time to plan a job on many small Parquet files, on a local disk and on a Hadoop of processes.

A plan lists the files and reads the footer of each.  What it says is the same wherever the files lie.
"""

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
    """Seconds of a plan, by the clock and of this process's processors; and the fingerprint of its rows."""

    seconds: float
    cpu: float
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
        lines = [["", "seconds", "CPU seconds"]]
        for name, plans in taken.items():
            lines.append([name, spread([one.seconds for one in plans]), spread([one.cpu for one in plans])])
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
    cpu_start = time.process_time()
    made = make_plan(job)
    seconds = time.perf_counter() - start
    return Taken(seconds, time.process_time() - cpu_start, made.datasets["train"].fingerprint)
