"""Columns of Parquet files: lists, number types, class types, names, and what is refused."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.data.tables import parquet, plan, read, with_classes, write_parquet
from yarnml.data.dataset import read_group
from yarnml.data.rows import rows_of
from yarnml.errors import DataError, JobFileError

LISTS = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]


@pytest.mark.parametrize(
    "kind",
    [
        pa.list_(pa.float64()),
        pa.list_(pa.float32(), 2),
        pa.large_list(pa.int16()),
        pa.list_(pa.uint8()),
        pa.list_(pa.decimal128(5, 2)),
    ],
    ids=str,
)
def test_lists(tmp_path: Path, kind: pa.DataType) -> None:
    """Lists of one length, of any list type and number type, are that many features, beside scalars in order."""
    plain = pa.array(LISTS, pa.list_(pa.float64()))
    flat = plain.flatten().cast(kind.value_type)
    made = pa.FixedSizeListArray.from_arrays(flat, 2) if pa.types.is_fixed_size_list(kind) else None
    if made is None:
        build = pa.LargeListArray if pa.types.is_large_list(kind) else pa.ListArray
        made = build.from_arrays([0, 2, 4, 6, 8], flat)
    data = plan(parquet(tmp_path, x=made, a=[0.5, 1.5, 2.5, 3.5], y=[0, 1, 0, 1]), features=["a", "x"], shape=[3, 1])
    assert data.schema.width == 3
    assert read(data).x.tolist() == [[a, *pair] for a, pair in zip([0.5, 1.5, 2.5, 3.5], LISTS, strict=True)]


def test_many_columns(tmp_path: Path) -> None:
    """Dozens of columns, among them one of lists, lie in every row in the job file's order."""
    columns: dict[str, Any] = {f"a{n}": np.arange(4) + 10.0 * n for n in range(40)}
    columns["a20"] = pa.array(LISTS)
    whole = read(plan(parquet(tmp_path, **columns, y=[0, 1, 0, 1]), features=list(columns))).x
    expected = [LISTS if name == "a20" else column[:, None] for name, column in columns.items()]
    assert (whole == np.concatenate(expected, axis=1)).all()


@pytest.mark.parametrize(
    "column",
    [
        pa.array([1, 2, 3, 4], pa.int8()),
        pa.array([1, 2, 3, 4], pa.uint64()),
        pa.array(np.array([1, 2, 3, 4], np.float16)),
        pa.array([Decimal("1.00"), Decimal("2.00"), Decimal("3.00"), Decimal("4.00")]),
        pa.array([1.0, 2.0, 3.0, 4.0]).dictionary_encode(),
    ],
    ids=lambda c: str(c.type),
)
def test_number_types(tmp_path: Path, column: pa.Array) -> None:
    """Every number type of Arrow is a feature, a weight and a number label."""
    rows = read(plan(parquet(tmp_path, x=column, y=column, w=column), weight="w", label_type="number"))
    assert rows.x[:, 0].tolist() == rows.y.tolist() == rows.weight.tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "labels",
    [
        pa.array(["b", "a", "b", "c"]).dictionary_encode(),
        pa.array(["b", "a", "b", "c"], pa.large_string()),
        pa.array([2, 1, 2, 3], pa.int8()).dictionary_encode(),
        pa.array([2, 1, 2, 3], pa.uint64()),
    ],
    ids=lambda c: str(c.type),
)
def test_class_types(tmp_path: Path, labels: pa.Array) -> None:
    """Text, dictionary-encoded and integer labels of every width are classes."""
    assert read(plan(parquet(tmp_path, x=[1, 2, 3, 4], y=labels))).y.tolist() == [1, 0, 1, 2]


@pytest.mark.parametrize(
    ("columns", "error", "words"),
    [
        ({"x": [[1, 2], [3]], "y": [0, 1]}, DataError, r"column 'x' needs lists of 2 numbers, found one of 1"),
        ({"x": [[1, 2], [3, None]], "y": [0, 1]}, DataError, r"lists of column 'x' hold 1 nulls"),
        ({"x": [[1, 2], None], "y": [0, 1]}, DataError, r"column 'x' has 1 nulls"),
        ({"x": [None, [1, 2]], "y": [0, 1]}, DataError, r"the first row of column 'x' holds no list"),
        ({"x": [[], [1]], "y": [0, 1]}, DataError, r"the first row of column 'x' holds no list"),
        ({"x": [["a"], ["b"]], "y": [0, 1]}, JobFileError, r"'x' of .* must hold numbers or lists of numbers, not"),
        ({"x": [1, 2], "y": [[1], [2]]}, JobFileError, r"data\.label: column 'y' holds list<.*> *; a class label must"),
        ({"x": [1, 2], "y": [b"a", b"b"]}, JobFileError, r"data\.label: column 'y' holds binary"),
        ({"x": [1, 2], "y": pa.array([0, 1], pa.date32())}, JobFileError, r"data\.label: column 'y' holds date32"),
        ({"x": [1, 2], "y": pa.array(["a", None]).dictionary_encode()}, DataError, r"'y' has 1 nulls"),
    ],
)
def test_refused_columns(tmp_path: Path, columns: dict[str, Any], error: Any, words: str) -> None:
    """Ragged lists, nulls in lists or dictionaries, and types that are no features or labels are refused."""
    path = parquet(tmp_path, **columns)
    with pytest.raises(error, match=words):
        read(plan(path))


def test_widths_agree(tmp_path: Path) -> None:
    """Test data with lists of another length is refused, whether the type or the rows say so."""
    lists_of_3 = pa.FixedSizeListArray.from_arrays(pa.array([1.0, 2.0, 3.0]), 3)
    train = write_parquet(f"{tmp_path}/train.parquet", {"x": LISTS, "y": [0, 1, 0, 1]})
    fixed_lists = write_parquet(f"{tmp_path}/fixed.parquet", {"x": lists_of_3, "y": [0]})  # type: ignore[dict-item]
    seen = write_parquet(f"{tmp_path}/seen.parquet", {"x": [[1.0]], "y": [0]})
    with pytest.raises(JobFileError, match=r"data\.test: column 'x' has 3 numbers, in data\.train 2"):
        plan(train, fixed_lists)
    with pytest.raises(DataError, match=r"seen\.parquet: column 'x' needs lists of 2 numbers, found one of 1"):
        read(plan(train, seen), 1, "test")


def test_nan_is_no_class(tmp_path: Path) -> None:
    """NaN among class labels is refused."""
    path = parquet(tmp_path, x=[1, 2], y=[0.5, float("nan")])
    with pytest.raises(DataError, match=r"Label 'y' holds NaN"):
        read(plan(path, label_type="class"))


def test_labels_of_two_types(tmp_path: Path) -> None:
    """Files whose labels are text here and numbers there are refused."""
    write_parquet(f"{tmp_path}/in/1.parquet", {"x": [1], "y": ["a"]})
    write_parquet(f"{tmp_path}/in/2.parquet", {"x": [1], "y": [1]})
    with pytest.raises(DataError, match=r"Label 'y' holds text in some files and numbers in others"):
        read(plan(f"{tmp_path}/in"))


def test_corrupt_pages(tmp_path: Path) -> None:
    """A Parquet file with a sound footer and spoilt pages is named with the row group, not read as something else."""
    path = Path(tmp_path / "rows.parquet")
    table = pa.table({"x": np.arange(3000.0), "y": np.arange(3000.0)})
    pq.write_table(table, path, row_group_size=1000, write_page_checksum=True)
    data = plan(str(path))
    group = data.datasets["train"].files[0].groups[1]
    content = bytearray(path.read_bytes())
    for at in (group.start + 100, group.start + group.size // 2):
        spoilt = content.copy()
        spoilt[at : at + 40] = bytes(255 - b for b in spoilt[at : at + 40])
        path.write_bytes(spoilt)
        with pytest.raises(DataError, match=r"Row group 1 of .*rows\.parquet can't be read"):
            read(plan(str(path)))


def test_column_names(tmp_path: Path) -> None:
    """Names with dots, spaces and other alphabets are names like any other; a double one is refused."""
    path = parquet(tmp_path, **{"a.b": [1, 2], "a": [5, 6], "größe (cm)": [3, 4], "y": [0, 1]})
    assert read(plan(path, features=["größe (cm)", "a.b", "a"])).x.tolist() == [[3, 1, 5], [4, 2, 6]]
    pq.write_table(pa.table([pa.array([1]), pa.array([2]), pa.array([0])], names=["x", "x", "y"]), path)
    with pytest.raises(JobFileError, match=r"more than one column 'x'"):
        plan(path)


def test_rows_of_follow_the_job_file(tmp_path: Path) -> None:
    """Columns are taken by name in the job file's order, whatever the file's order."""
    data = plan(parquet(tmp_path, y=[0, 1], b=[1, 2], a=[3, 4]), features=["a", "b"])
    table = read_group(data.datasets["train"], 0, 0, data.stored["train"])
    assert rows_of(table, with_classes(data), "file").x.tolist() == [[3, 1], [4, 2]]


@pytest.mark.parametrize("steps", [[], [{"kind": "one_hot", "columns": ["x"]}]], ids=["plain", "one_hot"])
def test_booleans_and_numbers(tmp_path: Path, steps: list[Any]) -> None:
    """Booleans in one file are 0 and 1 beside numbers in another."""
    write_parquet(f"{tmp_path}/in/1.parquet", {"x": [True, False], "y": [0.5, 1.5]})
    write_parquet(f"{tmp_path}/in/2.parquet", {"x": [0, 1], "y": [0.5, 1.5]})
    write_parquet(f"{tmp_path}/in/3.parquet", {"x": [1.0, 0.0], "y": [0.5, 1.5]})
    places = [1, 0, 0, 1, 1, 0]
    assert read(plan(f"{tmp_path}/in", prepare=steps)).x.tolist() == (
        np.eye(2)[places].tolist() if steps else [[place] for place in places]
    )
