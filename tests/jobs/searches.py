"""A search on the breast cancers, and the rows of its folds."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from msgspec.structs import replace
from sklearn.datasets import load_breast_cancer

from yarnml.control.commands import Initialize, ipc
from yarnml.data.first_rows import without_offsets
from yarnml.data.plan import fold_of, make_plan
from yarnml.data.schema import Rows, Schema
from yarnml.job.load import load_job
from yarnml.worker.loaders import Loaders, RowCaches

Job = dict[str, Any]

ROWS = 569
SHARDS = 3
FOLDS = 3
L2 = [1.0, 0.01]


def job_in(folder: Path) -> Job:
    """Logistic regression of the breast cancers, six row groups, two candidates on three folds."""
    x, y = load_breast_cancer(return_X_y=True)
    table = pa.table({"x": list(x.astype(np.float32)), "y": y, "row": np.arange(len(y))})
    pq.write_table(table, folder / "rows.parquet", row_group_size=100)
    return {
        "name": "cancers",
        "data": {"train": str(folder / "rows.parquet"), "features": ["x"], "label": "y", "scale": "standard"},
        "learner": {"kind": "logistic", "solver": "newton"},
        "training": {"shards": SHARDS},
        "search": {"folds": FOLDS, "over": {"learner.l2": L2}},
        "checkpoint": {"path": str(folder / "job"), "every": "2 epochs"},
        "export": str(folder / "models"),
    }


def results(job: Job) -> dict[str, Any]:
    """The content of search.json."""
    content: dict[str, Any] = json.loads((Path(job["checkpoint"]["path"]) / "search.json").read_text())
    return content


def folds_of(job: Job) -> Iterator[tuple[Loaders, Schema]]:
    """The feeds of each fold, as one worker has them one after another."""
    spec = load_job(job)
    assert spec.search
    plan = make_plan(spec)
    caches = RowCaches()
    for number in range(spec.search.folds or 0):
        fold = fold_of(plan, spec, number)
        initialize = Initialize(spec, fold.datasets, {n: ipc(s) for n, s in fold.stored.items()}, SHARDS)
        yield Loaders(initialize, caches), without_offsets(replace(fold.schema, classes=(0, 1)))


def numbers(batches: Iterable[Rows]) -> list[int]:
    """The numbers of the rows that count, ascending."""
    return sorted(int(row) for batch in batches for row in batch.x[batch.weight > 0, 0])


def held_out(job: Job) -> list[list[int]]:
    """The rows of each fold, by their numbers, read as a worker reads them."""
    folds = []
    for feeds, schema in folds_of(job | {"data": job["data"] | {"features": ["row"], "scale": "none"}}):
        both = [
            numbers(b for shard in range(SHARDS) for b in feeds.loader(name, schema).scan(shard))
            for name in ("train", "validation")
        ]
        assert sorted(both[0] + both[1]) == [*range(len(both[0] + both[1]))]
        folds.append(both[1])
    return folds
