"""Preparation for tests: a plan of given columns, the passes over them, and the rows that a learner gets."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from yarnml.data.batches import concatenate
from yarnml.data.cache import RowCache
from yarnml.data.loader import Loader
from yarnml.data.plan import Plan, make_plan
from yarnml.data.schema import Rows, Schema
from yarnml.data.survey import columns_to_survey, find, merge_findings, with_findings
from yarnml.job.load import load_job

Step = dict[str, Any]


def step(kind: str, *columns: str, **fields: Any) -> Step:
    """A step as a job file has it."""
    return {"kind": kind, "columns": list(columns), **fields}


def plan(
    folder: Path,
    columns: dict[str, Any],
    steps: list[Step],
    test: dict[str, Any] | None = None,
    kind: str = "mlp",
    **data: Any,
) -> Plan:
    """The plan of a job with a learner of this kind whose features are all columns but ``y``, 50 rows a group."""
    paths = {}
    for name, table in {"train": columns, "test": test or columns}.items():
        paths[name] = str(folder / f"{name}.parquet")
        pq.write_table(pa.table(table), paths[name], row_group_size=50)
    features = [name for name in columns if name != "y"]
    section = {**paths, "features": features, "label": "y", "scale": "none", "prepare": steps, **data}
    return make_plan(load_job({"name": "job", "data": section, "learner": {"kind": kind}}))


def fnv(text: str) -> int:
    """FNV-1a by the book."""
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value


def passes(data: Plan, shards: int = 3) -> Schema:
    """The schema that the passes over the training data end with."""
    schema = data.schema
    while columns_to_survey(schema):
        loader = Loader(data.datasets["train"], data.stored["train"], schema, shards, RowCache(0))
        parts = [find(*piece) for s in range(shards) for piece in pieces(loader, schema, s)]
        schema = with_findings(schema, merge_findings(reversed(parts)))
    return schema


def pieces(loader: Loader, schema: Schema, shard: int) -> Iterable[tuple[pa.Table, Schema, str]]:
    return ((table, schema, numbers, url) for table, numbers, url in loader.tables(shard, columns_to_survey(schema)))


def prepared(data: Plan, dataset: str = "train") -> npt.NDArray[np.float32]:
    """The features of a dataset as the learner gets them."""
    return read(data, passes(data), dataset).x


def read(data: Plan, schema: Schema, dataset: str = "train") -> Rows:
    loader = Loader(data.datasets[dataset], data.stored[dataset], schema, 2, RowCache(0), trains=dataset == "train")
    batches = [rows for s in range(2) for rows in loader.scan(s)]
    return concatenate([Rows(*(a[b.weight > 0] for a in b.arrays)) for b in batches], schema)
