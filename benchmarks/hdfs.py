"""Rate at which one worker reads Parquet from HDFS: the same files on a local disk and on a process cluster, in turn.

One process, one thread, through the code that workers use; files in the page cache, DataNodes on this machine.
"""

import time
from collections.abc import Callable

import pyarrow as pa

from benchmarks import workloads
from benchmarks.measure import interleaved, spread
from benchmarks.on_hadoop import copied, started
from benchmarks.workloads import Workload
from yarnml.data.dataset import inspect, read_group

LIMIT = "local file"
ROWS = Workload("hdfs-scan", [256, 1], 1, 200_000, 1, 0.1)


def scan(folder: str) -> Callable[[], float]:
    """Make a block that reads every row group of a folder's files, and returns the seconds."""
    dataset, stored = inspect(folder, "parquet", "data.train")
    groups = [(f, g) for f, file in enumerate(dataset.files) for g in range(len(file.groups))]

    def block() -> float:
        start = time.perf_counter()
        for file, group in groups:
            read_group(dataset, file, group, stored)
        return time.perf_counter() - start

    return block


def main(rounds: int = 7) -> None:
    """Parquet from a local disk and from HDFS, by one thread, on a Hadoop of processes."""
    pa.set_cpu_count(1)
    folder = workloads.write(ROWS)
    size = sum(path.stat().st_size for path in folder.iterdir())
    print(f"hdfs: scan of {size / 2**20:.0f} MiB of Parquet in {len(list(folder.iterdir()))} files, one thread")
    with started() as (cluster, home):
        roots = {
            "hdfs://": copied(folder, home),
            "webhdfs://": f"{cluster.hdfs_web.replace('http', 'webhdfs')}/tmp/bench",
        }
        taken = interleaved({LIMIT: scan(str(folder)), **{n: scan(url) for n, url in roots.items()}}, rounds)
    show(taken, size)


def show(taken: dict[str, list[float]], size: int) -> None:
    if not taken[LIMIT]:
        print("  every round was disturbed; nothing to show")
        return
    print(f"  {len(taken[LIMIT])} rounds; median (min-max)")
    for name, values in taken.items():
        rate = [size / 2**20 / v for v in values]
        ratio = [v / limit for v, limit in zip(values, taken[LIMIT], strict=True)]
        print(f"  {name:12} {spread(rate, ' MiB/s'):32} time/local {spread(ratio)}")
