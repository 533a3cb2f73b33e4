"""Columns of types of which Arrow's functions know little: each is read as the values that it holds, in every use."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.data.formats import save_arrow
from tests.data.tables import plan, read, with_classes
from yarnml.data.readable import readable_type
from yarnml.data.rows import features_of
from yarnml.data.tables import column_of, table_of
from yarnml.frames.rows import write

ONE_HOT = {"prepare": [{"kind": "one_hot", "columns": ["x"]}]}
HALVES = pa.array(np.array([1.5, 2, 1.5], np.float16))
VIEWS = pa.array(["a", "b", "a"], pa.string_view())
RUNS = pa.RunEndEncodedArray.from_arrays(pa.array([1, 2, 3], pa.int32()), pa.array(["a", "b", "a"]))
FLAGS = pa.ExtensionArray.from_storage(pa.bool8(), pa.array([1, 0, 1], pa.int8()))
TENSORS = pa.FixedShapeTensorArray.from_numpy_ndarray(np.arange(6.0).reshape(3, 1, 2))
Y = [0, 1, 0]


CASES = [
    (HALVES, {}, [[1.5], [2], [1.5]]),
    (HALVES, {"where": "x > 1.6"}, [[2]]),
    (VIEWS, ONE_HOT, [[1, 0], [0, 1], [1, 0]]),
    (VIEWS, ONE_HOT | {"where": "x = 'a'"}, [[1], [1]]),
    (RUNS, ONE_HOT, [[1, 0], [0, 1], [1, 0]]),
    (RUNS, ONE_HOT | {"where": "x = 'a'"}, [[1], [1]]),
    (FLAGS, {}, [[1], [0], [1]]),
    (TENSORS, {}, [[0, 1], [2, 3], [4, 5]]),
]
STORED = [("arrow", case) for case in CASES] + [
    ("parquet", case) for case in CASES if case[0] is not RUNS
]  # it has none


@pytest.mark.parametrize(("format", "case"), STORED, ids=[f"{format}-{case[0].type}" for format, case in STORED])
def test_features(tmp_path: Path, format: str, case: tuple[pa.Array, dict[str, Any], Any]) -> None:
    """Half floats, views of text, runs and extensions are features and are compared, as plain columns are."""
    x, fields, expected = case
    path = f"{tmp_path}/rows.{format}"
    table = pa.table({"x": x, "y": Y})
    if format == "arrow":
        save_arrow(table, Path(path))
    else:
        pq.write_table(table, path)
    assert read(plan(path, **fields)).x.tolist() == expected


PROGRAMS = [case for case in CASES if "where" not in case[1]]


@pytest.mark.parametrize("case", PROGRAMS, ids=[str(case[0].type) for case in PROGRAMS])
def test_tables_of_programs(tmp_path: Path, case: tuple[pa.Array, dict[str, Any], Any]) -> None:
    """A model takes the table that it was trained on, as a table or as columns, and so does fit."""
    x, fields, expected = case
    save_arrow(pa.table({"x": x, "y": Y}), tmp_path / "rows.arrow")
    schema = with_classes(plan(f"{tmp_path}/rows.arrow", **fields))
    for frame in (pa.table({"x": x}), {"x": x}):
        table = table_of(frame, "predict")
        assert table is not None
        assert features_of(table, schema, "the table").tolist() == expected
        write(table, f"{tmp_path}/kept.parquet")
    assert column_of(x, "fit", "label").type == readable_type(x.type)


def test_zero_is_one_class(tmp_path: Path) -> None:
    """0.0 and -0.0 are one class."""
    pq.write_table(pa.table({"x": [1.0, 2.0, 3.0], "y": [0.0, -0.0, 1.0]}), tmp_path / "t.parquet")
    assert read(plan(f"{tmp_path}/t.parquet", label_type="class")).y.tolist() == [0, 0, 1]
