"""Columns by patterns, types and folders: which features a job file without a list of them has."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.data.tables import Columns, plan, read, write_csv, write_parquet
from tests.preparing import step
from yarnml.errors import DataError, JobFileError

TABLE: Columns = {
    "id": [1, 2, 3, 4],
    "x1": [0.5, 1.5, 2.5, 3.5],
    "x2": [5, 6, 7, 8],
    "tmp_a": [0, 0, 0, 0],
    "word": ["a", "b", "a", "b"],
    "flag": [True, False, True, True],
    "x[0]": [1.0, 2.0, 3.0, 4.0],
    "y": [0.5, 1.5, 2.5, 3.5],
    "w": [1, 1, 2, 2],
}
WORDS = [step("one_hot", "type:text")]
ONE_HOT = {"prepare": WORDS}


@pytest.mark.parametrize("format", ["parquet", "csv"])
@pytest.mark.parametrize(
    ("features", "fields", "names"),
    [
        ("all", {"prepare": WORDS}, ["id", "x1", "x2", "tmp_a", "word", "flag", "x[0]"]),
        ({"all": True, "except": ["id", "tmp_*", "word"]}, {}, ["x1", "x2", "flag", "x[0]"]),
        ({"all": True, "except": ["type:number", "type:boolean"]}, {"prepare": WORDS}, ["word"]),
        (["x*"], {}, ["x1", "x2", "x[0]"]),
        (["x[0]", "x*", "id"], {}, ["x[0]", "x1", "x2", "id"]),
        (["type:number"], {}, ["id", "x1", "x2", "tmp_a", "x[0]"]),
        (["type:boolean", "x?"], {}, ["flag", "x1", "x2"]),
        (["x[12]", "type:text"], {"prepare": WORDS}, ["x1", "x2", "word"]),
        (["x1", "x2"], {"prepare": [step("bucket", "x*", edges=[2.0])]}, ["x1", "x2"]),
    ],
)
def test_patterns(features: Any, fields: Any, names: list[str], format: str, tmp_path: Path) -> None:
    """Patterns choose columns without another role, in their order; a name that exists means itself."""
    write = write_parquet if format == "parquet" else write_csv
    data = plan(write(f"{tmp_path}/a.{format}", TABLE), features=features, weight="w", **fields)
    assert [feature.name for feature in data.schema.features] == names
    assert data.data is not None
    assert data.data.features == names
    assert not any("type:" in name or "*" in name for own in data.data.prepare for name in own.columns)


@pytest.mark.parametrize(
    ("label", "features", "labels"),
    [
        (["x?"], "all", ("x1", "x2")),
        ("x*", ["x2", "id"], ("x1", "x[0]")),
        ("x[0]", ["x*"], "x[0]"),
        (["y", "type:number"], ["id", "flag"], ("y", "x1", "x2", "tmp_a", "x[0]")),
    ],
)
def test_labels_by_patterns(label: Any, features: Any, labels: Any, tmp_path: Path) -> None:
    """A pattern of the label chooses columns that no other role names; features by patterns leave them out."""
    section = {"label": label, "features": features, "weight": "w", "label_type": "number"}
    data = plan(write_parquet(f"{tmp_path}/a.parquet", TABLE), **section, **ONE_HOT if features == "all" else {})
    assert data.schema.label == labels
    assert not {*data.schema.labels} & {feature.name for feature in data.schema.features}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"features": ["z*"]}, r"data\.features: no column fits 'z\*'; .*a\.parquet has id, x1"),
        ({"features": ["type:date"]}, r"no column fits 'type:date'"),
        ({"features": ["id"], "label": "z*"}, r"data\.label: no column fits 'z\*'; .*a\.parquet has id, x1"),
        ({"features": ["id"], "label": "type:int"}, r"data\.label: 'type:int' is no type"),
        ({"features": ["type:int"]}, r"'type:int' is no type; there are type:number"),
        ({"features": {"all": True, "except": ["nothing"]}}, r"data\.features\.except: .* no column 'nothing'"),
        ({"features": {"all": True, "except": ["*"]}}, r"leaves no column"),
        ({"features": {"all": False}}, r"data\.features"),
        ({"features": "some"}, r"data\.features must be"),
        ({"features": ["x1", "y"]}, r"must not contain the label 'y'"),
        ({"features": "all"}, r"column 'word' of .* must hold numbers"),
        ({"features": ["x*"], "prepare": [step("bucket", "word")]}, r"data\.prepare\[0\]\.columns: 'word' is none of"),
        (
            {"features": ["x*"], "prepare": [step("one_hot", "type:text")]},
            r"data\.prepare\[0\]\.columns: no column fits",
        ),
        ({"types": {"zip": "text"}}, r"data\.types: .* has no column 'zip'"),
        ({"types": {"x": "decimal"}}, r"data\.types"),
    ],
)
def test_wrong_patterns(fields: Any, words: str, tmp_path: Path) -> None:
    """A pattern that fits nothing, or a column that can't be a feature, is named."""
    with pytest.raises((JobFileError, DataError), match=words):
        plan(write_parquet(f"{tmp_path}/a.parquet", TABLE), **fields)


def test_a_glob_among_columns_that_files_lack(tmp_path: Path) -> None:
    """Columns that some files lack are no features of a pattern, and that is said."""
    write_parquet(f"{tmp_path}/in/a.parquet", {"x1": [1, 2], "x2": [1, 2], "y": [0.5, 1.5]})
    write_parquet(f"{tmp_path}/in/b.parquet", {"y": [0.5, 1.5], "x2": [3.5, None], "x1": [3, 4], "x3": [1, 2]})
    data = plan(f"{tmp_path}/in", features=["x*"], prepare=[step("impute", "x2", value=0)])
    assert [feature.name for feature in data.schema.features] == ["x1", "x2"]
    assert data.remarks[0] == "x3 is not in all files, and no features"


@pytest.mark.parametrize(
    ("column", "kind", "x"),
    [
        (pa.array([b"5", b"6"]), "number", [5, 6]),
        (pa.array(["5", "6.5"]), "number", [5, 6.5]),
        (pa.array(["2026-01-02", "2026-01-03"]).cast(pa.date32()), "number", [20455, 20456]),
        (pa.array([1000, 2500], pa.timestamp("ms")), "number", [1, 2.5]),
        (pa.array([True, False]), "number", [1, 0]),
        (pa.array([1, 0]), "boolean", [1, 0]),
    ],
    ids=lambda value: str(value.type) if isinstance(value, pa.Array) else None,
)
def test_types(column: pa.Array, kind: str, x: list[float], tmp_path: Path) -> None:
    """``data.types`` reads a column as another type than the file says."""
    pq.write_table(pa.table({"x": column, "y": [0.5, 1.5]}), tmp_path / "a.parquet")
    assert read(plan(f"{tmp_path}/a.parquet", types={"x": kind})).x[:, 0].tolist() == x


def test_numbers_as_text(tmp_path: Path) -> None:
    """Codes stay codes where ``data.types`` says text, in every format."""
    columns: Columns = {"x": [7, 8, 7], "y": [0.5, 1.5, 2.5]}
    paths = write_parquet(f"{tmp_path}/a.parquet", columns), write_csv(f"{tmp_path}/a.csv", columns)
    for path in paths:
        data = plan(path, types={"x": "text"}, prepare=[step("text", "x", width=8)])
        assert read(data).x.sum() == 3


def test_a_type_that_does_not_fit(tmp_path: Path) -> None:
    """Values that are none of the type are told with their file and column."""
    path = write_parquet(f"{tmp_path}/a.parquet", {"x": ["5", "many"], "y": [0.5, 1.5]})
    with pytest.raises(DataError, match=r"a\.parquet: column 'x' holds string, which data\.types can't read as double"):
        read(plan(path, types={"x": "number"}))
