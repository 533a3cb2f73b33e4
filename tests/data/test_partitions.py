"""Folders as Hive and Spark write them: columns in their names, and files beside the data that hold none."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from tests.data.tables import plan, read, with_classes, write_csv, write_parquet
from tests.preparing import step
from yarnml.data.partitions import partition_fields, partition_of
from yarnml.errors import DataError, JobFileError

FOLDERS = {
    "country=DE/part=1": [0.0, 1.0],
    "country=a%2Fb%3D%20c/part=2": [2.0, 3.0],
    "country=__HIVE_DEFAULT_PARTITION__/part=10": [4.0, 5.0],
}


@pytest.fixture(params=["parquet", "csv"])
def table(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A table of three partitions, with all that Hadoop leaves beside."""
    write = write_parquet if request.param == "parquet" else write_csv
    for folder, x in FOLDERS.items():
        write(f"{tmp_path}/t/{folder}/part-00000.{request.param}", {"x": x, "y": [n / 2 for n in x]})
    for name in ("_SUCCESS", "_metadata", "country=DE/part=1/.part-00000.crc", f"country=DE/part=1/e.{request.param}"):
        (tmp_path / "t" / name).write_bytes(b"")
    (tmp_path / "t/_temporary/0").mkdir(parents=True)
    (tmp_path / f"t/_temporary/0/part.{request.param}").write_bytes(b"half")
    return f"{tmp_path}/t"


def test_columns_of_folders(table: str) -> None:
    """Folders are features: numbers, text with escapes, and nulls where Hive has its default."""
    steps = [step("impute", "country", value="none"), step("one_hot", "country")]
    data = plan(table, features=["x", "part", "country"], prepare=steps)
    names = ["x", "part", "country=DE", "country=a/b= c", "country=none"]
    assert with_classes(data).names == names
    rows = dict(zip(names, read(data).x.T.tolist(), strict=True))
    assert sorted(rows["x"]) == [0, 1, 2, 3, 4, 5]
    for x, part, *countries in zip(*rows.values(), strict=True):
        assert part == [1, 2, 10][int(x) // 2]
        assert countries == [[1, 0, 0], [0, 1, 0], [0, 0, 1]][int(x) // 2]


def test_conditions_on_folders(table: str) -> None:
    """A condition chooses folders, alone and with columns of the files."""
    assert sorted(read(plan(table, where="part >= 2")).x[:, 0]) == [2, 3, 4, 5]
    assert sorted(read(plan(table, where="country = 'DE' or x = 5")).x[:, 0]) == [0, 1, 5]
    assert sorted(read(plan(table, where="country is null")).x[:, 0]) == [4, 5]


def test_other_roles(table: str) -> None:
    """A folder is a label, a weight, and a type that the job gives it."""
    data = plan(table, label="part", label_type="class")
    assert with_classes(data).classes == (1, 2, 10)
    assert sorted(read(plan(table, weight="part")).weight) == [1, 1, 2, 2, 10, 10]
    data = plan(table, features=["x", "part"], types={"part": "text"}, prepare=[step("one_hot", "part")])
    assert with_classes(data).names == ["x", "part=1", "part=10", "part=2"]


def test_all_features(tmp_path: Path) -> None:
    """Folders with more than one value are among all features; a folder above the data, which has one, is not."""
    for part in (1, 2):
        write_parquet(f"{tmp_path}/run=7/t/part={part}/a.parquet", {"x": [part * 1.0], "y": [0.5]})
    data = plan(f"{tmp_path}/run=7/t", features="all")
    assert [feature.name for feature in data.schema.features] == ["x", "part"]


def test_the_fingerprint_knows_what_is_used(table: str, tmp_path: Path) -> None:
    """A file may move to another folder as long as the job does not use the folder's column."""
    before = [plan(table, features=features).datasets["train"].fingerprint for features in (["x"], ["x", "part"])]
    Path(table, "country=DE", "part=1").rename(Path(table, "country=DE", "part=7"))
    after = [plan(table, features=features).datasets["train"].fingerprint for features in (["x"], ["x", "part"])]
    assert before[0] == after[0]
    assert before[1] != after[1]


def test_a_file_outside_of_the_folders(tmp_path: Path) -> None:
    """A file that lacks the folder is named."""
    write_parquet(f"{tmp_path}/t/a=1/f.parquet", {"x": [1.0], "y": [0.5]})
    write_parquet(f"{tmp_path}/t/f.parquet", {"x": [1.0], "y": [0.5]})
    with pytest.raises(JobFileError, match=r"data\.features: .*/t/f\.parquet has no column 'a'"):
        plan(f"{tmp_path}/t", features=["x", "a"])


def test_a_folder_of_another_type(table: str) -> None:
    """A folder's name that is none of the type is named."""
    data = plan(table, features=["x", "country"], types={"country": "number"})
    with pytest.raises(DataError, match=r"the folder country=.* can't be read as double; see data\.types"):
        read(data)


def test_written_by_pyarrow(tmp_path: Path) -> None:
    """Files that pyarrow partitions, as pandas, polars and Spark do, are the table that they were."""
    table = pa.table({"x": [1.0, 2.0, 3.0, 4.0], "y": [0.5, 1.5, 2.5, 3.5], "k": ["ä b", "c:d", "ä b", None]})
    ds.write_dataset(table, tmp_path / "t", format="parquet", partitioning=["k"], partitioning_flavor="hive")
    steps = [step("one_hot", "k", values=["ä b", "c:d", "none"]), step("impute", "k", value="none")]
    rows = read(plan(f"{tmp_path}/t", features=["x", "k"], prepare=steps[::-1])).x
    expected = {1.0: [1, 0, 0], 2.0: [0, 1, 0], 3.0: [1, 0, 0], 4.0: [0, 0, 1]}
    assert {row[0]: row[1:] for row in rows.tolist()} == expected


@pytest.mark.parametrize(
    ("url", "partition"),
    [
        ("/a/k=1/f", (("k", "1"),)),
        ("hdfs://host:8020/a=b/k=x%20y/f=1.csv", (("a", "b"), ("k", "x y"))),
        ("/k=1/k=2/f", (("k", "2"),)),
        ("/k=__HIVE_DEFAULT_PARTITION__/f", (("k", None),)),
        ("/=1/plain/f", ()),
    ],
)
def test_partition_of(url: str, partition: Any) -> None:
    """Folders of the form key=value are columns; the file's own name is not."""
    assert partition_of(url) == partition


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "20", None], pa.int64()),
        (["1", "2.5"], pa.float64()),
        (["01", "2"], pa.string()),
        (["2026-01-01"], pa.string()),
        ([None], pa.string()),
        (["9" * 19], pa.string()),
    ],
)
def test_types_of_folders(values: list[str | None], kind: pa.DataType) -> None:
    """Types follow from all values, and codes with zeros stay text."""
    assert partition_fields([(("k", value),) for value in values]) == {"k": kind}


WIDE = pa.schema([("x", pa.int32(), False), ("y", pa.float64()), ("unused", pa.string())])


def test_files_that_differ(tmp_path: Path) -> None:
    """Order, width, nullability, unused columns and a column of nulls make no difference; rows are one table."""
    tables = [
        pa.table([pa.array([1, 2], pa.int32()), pa.array([0.5, 1.5]), pa.array(["a", "b"])], schema=WIDE),
        pa.table({"y": [2.5, 3.5], "x": pa.array([2**40, 4], pa.int64()), "unused": [1, 2]}),
        pa.table({"x": pa.nulls(2), "y": pa.array([4.5, 5.5], pa.float32())}),
        pa.table({"more": [1, 2], "x": pa.array([7, 8], pa.uint8()), "y": pa.array([6, 7], pa.int16())}),
    ]
    (tmp_path / "t").mkdir()
    for number, table in enumerate(tables):
        pq.write_table(table, tmp_path / f"t/{number}.parquet")
    rows = read(plan(f"{tmp_path}/t", prepare=[step("impute", "x", value=-1)], where="x is null or x > 1"))
    assert rows.x[:, 0].tolist() == [2, np.float32(2**40), 4, -1, -1, 7, 8]
    assert rows.y.tolist() == [1.5, 2.5, 3.5, 4.5, 5.5, 6, 7]
