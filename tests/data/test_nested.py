"""Parts of structs by path, in every format that has structs."""

from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.data.formats import save
from tests.data.tables import plan, read, with_classes
from tests.preparing import step
from yarnml.data.nested import with_named_parts
from yarnml.errors import JobFileError

ROWS: list[dict[str, Any]] = [
    {"y": 0.5, "a": {"zip": 1, "at": {"lat": 1.5, "lon": 2.5}, "town": "x"}, "b.c": 7.0},
    {"y": 1.5, "a": {"zip": None, "at": None, "town": "y"}, "b.c": 8.0},
    {"y": 2.5, "a": None, "b.c": 9.0},
    {"y": 3.5, "a": {"zip": 4, "at": {"lat": 4.5, "lon": 5.5}, "town": "x"}, "b.c": 6.0},
]


def write(ending: str, folder: Path) -> str:
    path = folder / f"rows.{ending}"
    if ending != "avro":
        return save(pa.Table.from_pylist(ROWS), path)
    place = {"type": "record", "name": "p", "fields": [{"name": n, "type": "double"} for n in ("lat", "lon")]}
    fields = [("zip", ["null", "long"]), ("at", ["null", place]), ("town", "string")]
    inner = {"type": "record", "name": "a", "fields": [{"name": n, "type": t} for n, t in fields]}
    names = [("y", "double"), ("a", ["null", inner]), ("b_c", "double")]
    schema = {"type": "record", "name": "r", "fields": [{"name": n, "type": t} for n, t in names]}
    with open(path, "wb") as file:
        fastavro.writer(file, schema, [{"b_c" if n == "b.c" else n: v for n, v in row.items()} for row in ROWS])
    return str(path)


@pytest.mark.parametrize("ending", ["parquet", "orc", "arrow", "jsonl", "avro"])
def test_parts(ending: str, tmp_path: Path) -> None:
    """Parts at any depth are features, labels and conditions; a part of null is null."""
    path = write(ending, tmp_path)
    steps = [
        step("impute", "a.zip", "a.at.lon", value=-1),
        step("impute", "a.town", value="-"),
        step("one_hot", "a.town"),
    ]
    data = plan(path, features=["a.at.lon", "a.town", "a.zip"], prepare=steps)
    assert with_classes(data).names == ["a.at.lon", "a.town=-", "a.town=x", "a.town=y", "a.zip"]
    expected = [[2.5, 0, 1, 0, 1], [-1, 0, 0, 1, -1], [-1, 1, 0, 0, -1], [5.5, 0, 1, 0, 4]]
    assert read(data).x.tolist() == expected
    less = plan(path, features=["a.zip"], where="a.at.lat > 1 and \"a.town\" = 'x'")
    assert read(less).x.tolist() == [[1], [4]]
    assert len(less.datasets["train"].paths) == 3


def test_names_with_dots(tmp_path: Path) -> None:
    """A column whose name has a dot is itself; patterns choose parts, and no struct as a whole."""
    path = write("parquet", tmp_path)
    assert read(plan(path, features=["b.c"])).x[:, 0].tolist() == [7, 8, 9, 6]
    steps = [step("impute", "type:number", value=0)]
    data = plan(path, features=["type:number"], prepare=steps)
    assert [feature.name for feature in data.schema.features] == ["b.c", "a.zip", "a.at.lat", "a.at.lon"]
    table = pa.table({"a": [{"b": 1.0}], "a.b": [2.0], "y": [0.5]})
    pq.write_table(table, tmp_path / "both.parquet")
    assert read(plan(f"{tmp_path}/both.parquet", features=["a.b"]), 1).x.tolist() == [[2]]


def test_tables_of_programs(tmp_path: Path) -> None:
    """A table in memory has its parts by the same names; a column that has the name is the one."""
    table = with_named_parts(pa.Table.from_pylist(ROWS), ["a.at.lon", "b.c", "a.none"])
    assert table.column_names == ["y", "a", "b.c", "a.at.lon"]
    assert table["a.at.lon"].to_pylist() == [2.5, None, None, 5.5]


def test_refused(tmp_path: Path) -> None:
    """A struct as a whole, and a part that there is not, are named with what there is."""
    path = write("parquet", tmp_path)
    with pytest.raises(JobFileError, match=r"not struct<.*; name its parts, such as address\.zip"):
        plan(path, features=["a"])
    with pytest.raises(JobFileError, match=r"has no column 'a\.street'; it has .*a\.zip"):
        plan(path, features=["a.street"])
