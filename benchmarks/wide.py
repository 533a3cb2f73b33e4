"""Thousands of columns: what a job does with each of them takes time in proportion to their number, and no more.

Read are Parquet and CSV files of 64 rows, so that the columns cost more than the values in them.
"""

import tempfile
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq

from benchmarks.measure import align
from yarnml.data.cache import RowCache
from yarnml.data.loader import Loader
from yarnml.data.plan import Plan, make_plan
from yarnml.data.rows import features_of
from yarnml.job.load import load_job
from yarnml.job.spec import Job

ROWS = 64
ROWS_OF_GROUP = 16


def main(columns: str = "1000,2000,4000,8000", rounds: int = 3) -> None:
    """Check a job, plan, read and predict for so many columns each; seconds of the processor, and of the last two."""
    widths = [int(width) for width in columns.split(",")]
    print(f"wide: {ROWS} rows of {columns} columns, scaled, every second one imputed; seconds, the least of {rounds}")
    taken = [measure(width, rounds) for width in widths]
    heads = ["", *(f"{width}" for width in widths), *(f"{b}/{a}" for a, b in pairwise(widths))]
    lines = [heads]
    for name in taken[0]:
        seconds = [one[name] for one in taken]
        ratios = [b / a for a, b in pairwise(seconds)]
        lines.append([name, *(f"{s:.3f}" for s in seconds), *(f"{ratio:.2f}" for ratio in ratios)])
    align(lines)


def measure(width: int, rounds: int) -> dict[str, float]:
    """Seconds of the processor for each thing that is done with so many columns."""
    names = [f"column {n}" for n in range(width)]
    random = np.random.default_rng(width)
    table = pa.table({**{name: random.random(ROWS) for name in names}, "y": random.random(ROWS)})
    taken = {}
    with tempfile.TemporaryDirectory() as folder:
        pq.write_table(table, f"{folder}/rows.parquet", row_group_size=ROWS_OF_GROUP)
        pc.write_csv(table, f"{folder}/rows.csv")
        for format in ("parquet", "csv"):
            source = document(f"{folder}/rows.{format}", names)
            taken[f"check the job ({format})"] = least(partial(load_job, source), rounds)
            job = load_job(source)
            taken[f"plan ({format})"] = least(partial(make_plan, job), rounds)
            taken[f"read ({format})"] = least(partial(read, job, make_plan(job)), rounds)
        schema = make_plan(job).schema
        taken["predict a row"] = least(partial(features_of, table.slice(0, 1), schema, "the table"), rounds)
    return taken


def document(path: str, names: list[str]) -> dict[str, Any]:
    step = {"kind": "impute", "columns": names[::2], "value": 0.0}
    data = {"train": path, "features": names, "label": "y", "scale": "standard", "prepare": [step]}
    return {"name": Path(path).stem, "data": data, "learner": {"kind": "linear"}}


def read(job: Job, plan: Plan) -> None:
    loader = Loader(plan.datasets["train"], plan.stored["train"], plan.schema, job.shards, RowCache(0))
    for shard in range(job.shards):
        for _ in loader.scan(shard):
            pass


def least(block: Callable[[], Any], rounds: int) -> float:
    """Seconds of the processor, in the round that took fewest."""
    seconds = []
    for _ in range(rounds):
        start = time.process_time()
        block()
        seconds.append(time.process_time() - start)
    return min(seconds)
