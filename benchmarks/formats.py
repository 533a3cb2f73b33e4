"""CPU seconds to read a table in each format: yarnml's first epoch, beside the scan of the format's own library.

The library leaves the columns in memory, in its own form; yarnml makes rows of float32 of them, checks digests and
numbers, and shuffles them.  CPU seconds of all threads of this process hang little on what else runs.
"""

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import fastavro
import pyarrow as pa
import pyarrow.csv
import pyarrow.dataset as ds
import pyarrow.json
import pyarrow.orc
import pyarrow.parquet as pq

from benchmarks import tables
from benchmarks.tables import Table
from benchmarks.workloads import HERE
from yarnml.data.cache import RowCache
from yarnml.data.loader import Loader
from yarnml.data.plan import Plan, make_plan
from yarnml.job.load import load_job

SHARDS = 2
GROUP = 2**15  # rows


class Library(NamedTuple):
    """A format's own library: writes a table to a path, and reads all of it into memory."""

    save: Callable[[pa.Table, Path], Any]
    scan: Callable[[Path], Any]


def save_arrow(table: pa.Table, path: Path) -> None:
    with pa.ipc.new_file(path, table.schema) as writer:
        writer.write_table(table, max_chunksize=GROUP)


def scan_arrow(path: Path) -> pa.Table:
    with pa.OSFile(str(path)) as file:
        return pa.ipc.open_file(file).read_all()


def save_avro(table: pa.Table, path: Path) -> None:
    schema = {"type": "record", "name": "row", "fields": [{"name": n, "type": "float"} for n in table.column_names]}
    with path.open("wb") as file:
        fastavro.writer(file, schema, table.to_pylist(), codec="snappy")


def scan_avro(path: Path) -> list[Any]:
    with path.open("rb") as file:
        return list(fastavro.reader(file))


def save_json(table: pa.Table, path: Path) -> None:
    table.to_pandas().to_json(path, orient="records", lines=True)


LIBRARIES = {
    "parquet": Library(
        lambda table, path: pq.write_table(table, path, row_group_size=GROUP, write_page_checksum=True),
        lambda path: ds.dataset(path).to_table(),
    ),
    "orc": Library(
        lambda table, path: pyarrow.orc.write_table(table, path, stripe_size=2**22),
        lambda path: pyarrow.orc.ORCFile(path).read(),
    ),
    "arrow": Library(save_arrow, scan_arrow),
    "csv": Library(pyarrow.csv.write_csv, pyarrow.csv.read_csv),
    "jsonl": Library(save_json, pyarrow.json.read_json),
    "avro": Library(save_avro, scan_avro),
}
"""By the ending of the file's name."""


def main(rounds: int = 3, rows: int = 200_000, width: int = 28) -> None:
    """Read a table of so many rows and columns in every format."""
    table = Table(rows, width)
    tables.write(table)
    folder = HERE / "data" / f"formats-{rows}-{width}"
    folder.mkdir(parents=True, exist_ok=True)
    print(f"formats: {rows} rows of {width} numbers, {table.megabytes:.0f} MB; CPU seconds, median of {rounds}")
    print(f"  {'':8} {'bytes':>12} {'library':>9} {'first epoch':>12} {'ratio':>6}")
    for name, library in LIBRARIES.items():
        path = folder / f"rows.{name}"
        if not path.exists():
            x, y = tables.read(table)
            library.save(pa.table({**dict(zip(table.features, x.T, strict=True)), "label": y}), path)
        plan = plan_of(path, table.features)
        taken = [(_seconds(lambda: library.scan(path)), _seconds(lambda: _epoch(plan))) for _ in range(rounds)]  # noqa: B023
        own, ours = (median(seconds) for seconds in zip(*taken, strict=True))
        ratio = median(epoch / scan for scan, epoch in taken)
        print(f"  {name:8} {path.stat().st_size:12,} {own:9.3f} {ours:12.3f} {ratio:6.2f}", flush=True)


def plan_of(path: Path, features: list[str]) -> Plan:
    """Plan a job whose features are these columns of a file."""
    data = {"train": str(path), "features": features, "label": "label", "label_type": "number", "scale": "none"}
    job = {"name": "formats", "data": data, "learner": {"kind": "mlp"}, "checkpoint": {"path": f"{path}-job"}}
    return make_plan(load_job(job))


def _epoch(plan: Plan) -> None:
    """Make all batches of an epoch, as the workers of a job do."""
    loader = Loader(plan.datasets["train"], plan.stored["train"], plan.schema, SHARDS, RowCache(0))
    steps = loader.steps(GROUP)
    for step in range(steps):
        for shard in range(SHARDS):
            loader.batch(shard, 0, 0, step, steps, GROUP)


def _seconds(work: Callable[[], Any]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start
