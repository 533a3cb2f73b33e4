"""Tables of tests: columns written as files of any format, and their rows as a learner gets them."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.preparing import passes
from yarnml.data.batches import concatenate
from yarnml.data.cache import RowCache
from yarnml.data.loader import Loader
from yarnml.data.plan import Plan, make_plan
from yarnml.data.schema import Rows, Schema
from yarnml.job.load import load_job

Columns = dict[str, list[Any]]
Write = Callable[[str, Columns], str]

ROOM_FOR_ALL = 1 << 30  # bytes of a cache
NUMBERED_ROWS = 101
"""Rows of the fixture ``numbered``."""


def write_parquet(path: str, columns: Columns, group: int = 5) -> str:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path, row_group_size=group)
    return path


def write_csv(path: str, columns: Columns) -> str:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return path


def parquet(tmp_path: Path, **columns: Any) -> str:
    """Write columns as one Parquet file with groups of 3 rows."""
    return write_parquet(f"{tmp_path}/rows.parquet", columns, 3)


def plan(train: Any, test: Any = None, seed: int = 0, **fields: Any) -> Plan:
    """The plan of a job on these files: feature ``x``, label ``y``, neither scaled, if ``fields`` says nothing else."""
    unscaled = {"scale": "none", "label_scale": "none"}
    data = {"train": train, "test": test, "features": ["x"], "label": "y", **unscaled, **fields}
    job = {"name": "job", "data": data, "learner": {"kind": "mlp"}, "training": {"seed": seed}}
    return make_plan(load_job(job))


def loader_of(data: Plan, shards: int = 2, cache: int = ROOM_FOR_ALL, dataset: str = "train") -> Loader:
    return Loader(data.datasets[dataset], data.stored[dataset], with_classes(data), shards, RowCache(cache))


def with_classes(data: Plan) -> Schema:
    """The schema with the classes that a survey of the training data finds."""
    return passes(data, 1)


def without_padding(rows: Rows) -> Rows:
    return Rows(*(a[rows.weight > 0] for a in rows.arrays))


def read(data: Plan, shards: int = 2, dataset: str = "train") -> Rows:
    """All rows of a dataset in stored order."""
    loader = loader_of(data, shards, dataset=dataset)
    return concatenate([without_padding(rows) for s in range(shards) for rows in loader.scan(s)], data.schema)


def same(a: Rows, b: Rows) -> bool:
    return all(np.array_equal(x, y) and x.dtype == y.dtype for x, y in zip(a.arrays, b.arrays, strict=True))
