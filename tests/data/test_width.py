"""Thousands of columns: the work for each does not grow with their number."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pytest
from msgspec.structs import replace

from tests.data.tables import write_parquet
from yarnml.data.binding import bind, uses_of
from yarnml.data.layouts import Layout, common_columns, used_columns
from yarnml.data.offsets import offsets_of
from yarnml.data.rows import features_of, rows_of
from yarnml.data.schema import Schema, columns
from yarnml.data.survey import find, with_findings
from yarnml.data.uses import types_to_read
from yarnml.job.load import load_job
from yarnml.job.spec import Data, Job
from yarnml.job.validate import check_data

FEW = 100
MANY = 400
COMPARISONS_OF_A_COLUMN = 30


class Name(str):
    """A column's name that counts how often it is compared, as every search for it must."""

    comparisons: ClassVar[int] = 0

    def __eq__(self, other: object) -> bool:
        Name.comparisons += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__


def job_of(folder: Path, width: int) -> Job:
    """A job of so many columns, every second of which has a step that learns."""
    names = [Name(f"c{n}") for n in range(width)]
    path = write_parquet(f"{folder}/rows.parquet", {name: [1, 2] for name in [*names, "y"]})
    document = {"train": path, "features": ["c0"], "label": "y", "scale": "standard"}
    job = load_job({"name": "wide", "data": document, "learner": {"kind": "softmax"}})
    step = {"kind": "one_hot", "columns": ["c0"]}
    with_step = load_job({"name": "wide", "data": {**document, "prepare": [step]}, "learner": {"kind": "softmax"}})
    prepare = [replace(with_step.data.prepare[0], columns=names[::2])]
    return replace(job, data=replace(job.data, features=names, prepare=prepare))


def table_of(width: int) -> pa.Table:
    return pa.table({f"c{n}": [1, 2] for n in range(width)} | {"y": [0, 1]})


def bound(data: Data, width: int) -> Schema:
    """The schema of the job's columns, with their own names."""
    stored = table_of(width).schema
    schema = bind(data, used_columns([Layout(stored, "rows")], uses_of(data), typed=True), "rows")
    assert all(isinstance(feature.name, Name) for feature in schema.features)
    return schema


def surveyed(data: Data, width: int, guessed: bool = False) -> Schema:
    schema = replace(bound(data, width), guessed=guessed)
    return with_findings(schema, find(table_of(width), schema, np.arange(2), "rows"))


WORK: dict[str, Callable[[Job, int], Any]] = {
    "check the job": lambda job, width: check_data(job),
    "bind": lambda job, width: bound(job.data, width),
    "types of CSV": lambda job, width: types_to_read(job.data, table_of(width).schema),
    "common columns": lambda job, width: common_columns([Layout(table_of(width).schema, "rows")] * 2),
    "columns to read": lambda job, width: columns(bound(job.data, width), table_of(width).schema),
    "survey": lambda job, width: surveyed(job.data, width),
    "survey of CSV": lambda job, width: surveyed(job.data, width, guessed=True),
    "offsets": lambda job, width: offsets_of(table_of(width), bound(job.data, width).features, "rows"),
    "rows": lambda job, width: rows_of(table_of(width), surveyed(job.data, width), "rows"),
    "predict": lambda job, width: features_of(table_of(width).slice(0, 1), surveyed(job.data, width), "the table"),
}


@pytest.mark.parametrize("work", WORK.values(), ids=WORK)
def test_the_work_for_a_column_does_not_grow_with_their_number(tmp_path: Path, work: Callable[[Job, int], Any]) -> None:
    """A column is looked for by its name, never among all others: comparisons grow with the columns alone."""
    counts = []
    for width in (FEW, MANY):
        job = job_of(tmp_path, width)
        Name.comparisons = 0
        work(job, width)
        counts.append(Name.comparisons)
    assert counts[1] <= COMPARISONS_OF_A_COLUMN * MANY
    assert counts[1] <= 1.5 * (MANY / FEW) * counts[0] + COMPARISONS_OF_A_COLUMN


def test_the_measure_sees_a_search(tmp_path: Path) -> None:
    """A search through all columns for each column is far more than what is allowed."""
    names = job_of(tmp_path, MANY).data.features
    stored = table_of(MANY).column_names
    Name.comparisons = 0
    assert all(name in stored for name in names)
    assert Name.comparisons > 2 * COMPARISONS_OF_A_COLUMN * MANY
