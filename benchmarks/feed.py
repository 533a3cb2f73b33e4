"""Rows per second from Parquet to the device, with a model that has nothing to do: shuffled batches, and full passes.

Limits: `pyarrow.dataset` that scans the same files from the local disk, for the first epoch; two JAX processes whose
rows are in memory already, in the same kind of order, for the second.  All have two threads in total, and the files are
in the page cache.
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from benchmarks import tables
from benchmarks.measure import Column, interleaved, report
from benchmarks.on_hadoop import copied, started
from benchmarks.peers.process import Answer, Peer, Running, once
from benchmarks.step import Engine
from benchmarks.tables import Table
from benchmarks.workloads import HERE
from yarnml.clusters.local import open_crew
from yarnml.job.load import load_job

BATCH = 2**21  # float32 in one step's rows at most
SCAN = "pyarrow.dataset, 2 threads"
KEPT = "pyarrow.dataset into memory, 2 threads"
SHUFFLED = "memory, shuffled, 2 JAX processes"
IN_ORDER = "memory, in order, 2 JAX processes"
WAITING = "the same that wait for each other"
IN_MEMORY = ((SHUFFLED, "shuffled", 2), (WAITING, "waiting", 2), (IN_ORDER, "in-order", 2))
OWN = "own"  # instead of an URL: a Hadoop of processes


def main(rounds: int = 5, narrow: int = 2_000_000, wide: int = 32_768, hdfs: str = "") -> None:
    """Rows from Parquet to the device: so many narrow and wide ones, from a local disk or from a folder on HDFS.

    ``--hdfs own`` starts a Hadoop of processes.
    """
    with ExitStack() as stack:
        root = stack.enter_context(started())[1] if hdfs == OWN else hdfs
        for table in (Table(narrow, 28), Table(wide, 4096, together=True)):
            if table.rows:
                measure(table, root, rounds)


def measure(table: Table, root: str, rounds: int) -> None:
    folder = tables.write(table)
    train = copied(folder, f"{root}/{folder.name}") if root else str(folder)
    print(f"feed: {table.rows} rows of {table.width} numbers, {table.megabytes:.0f} MB, from {root or 'a local disk'}")
    with ExitStack() as stack:
        blocks: dict[str, Callable[[], Any]] = {
            "batches": lambda: epochs(table, train),
            "passes": lambda: second_pass(table, train),
            KEPT: once(Peer("feed", ["keep", table.code])),
        }
        for name, way, processes in ((SCAN, "scan", 1), *IN_MEMORY):
            running = Running(Peer("feed", [way, table.code], processes))
            blocks[name] = running
            stack.callback(running.close)
        taken = interleaved(blocks, rounds)
    columns = [
        Column("million rows/s", lambda a: a["rows"] / a["seconds"] / 1e6),
        Column("GB/s", lambda a: a["rows"] * table.width * 4e-9 / a["seconds"]),
        Column("s for all rows", lambda a: a["seconds"] / a["rows"] * table.rows, compared=True),
        Column("waits for rows %", lambda a: 100 * a.get("waits", 0.0)),
    ]
    first, second = ([both[number] for both in taken["batches"]] for number in (0, 1))
    report({SCAN: taken[SCAN], KEPT: taken[KEPT], "yarnml, shuffled, first epoch": first}, columns, SCAN)
    beside = {SHUFFLED: taken[SHUFFLED], WAITING: taken[WAITING]}
    report(beside | {"yarnml, shuffled, second epoch": second}, columns, SHUFFLED)
    report({IN_ORDER: taken[IN_ORDER], "yarnml, full passes, second": taken["passes"]}, columns, IN_ORDER)


def epochs(table: Table, train: str) -> list[Answer]:
    """A job's first and second epoch in shuffled batches, without the first step, which has the compiler in it.

    By then every worker has read one row group: these rows do not count.
    """
    with _engine(table, train, {"batch_size": batch(table), "shuffle_rows": table.group}) as engine:
        rest = table.rows - engine.shards * table.group
        return [_answer(engine, engine.epoch - 1, rest), _answer(engine, engine.epoch, table.rows)]


def second_pass(table: Table, train: str) -> Answer:
    """A job's second pass over all rows in stored order."""
    with _engine(table, train, {"batch_size": "full"}) as engine:
        return _answer(engine, 1, table.rows)


@contextmanager
def _engine(table: Table, train: str, training: dict[str, Any]) -> Iterator[Engine]:
    """A crew that has made its first step."""
    with tempfile.TemporaryDirectory() as folder:
        learner = {"path": f"{HERE / 'models.py'}:Idle", "optimizer": {"kind": "sgd", "learning_rate": 0.001}}
        spec = load_job(tables.job(table, train, Path(folder), learner, {"epochs": 2} | training))
        with open_crew(spec, folder, lambda event: None) as crew:
            yield Engine(crew, spec, 1, warm=1)


def batch(table: Table) -> int:
    """Rows of a step: what fits into 8 MiB, and no more than a row group."""
    return max(1, min(BATCH // table.width, table.group))


def _answer(engine: Engine, steps: int, rows: int) -> Answer:
    seconds = engine.train(steps)
    waits = [report.seconds["read"] / sum(report.seconds.values()) for report in engine.reports]
    return {"seconds": seconds, "rows": rows, "waits": max(waits)}
