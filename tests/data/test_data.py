"""Reading: one contract for every format, what columns mean, and the batches that a worker is fed."""

import csv as plain_csv
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.preparing import passes
from yarnml import storage
from yarnml.data import csv
from yarnml.data.base import Dataset, Split
from yarnml.data.cache import RowCache
from yarnml.data.dataset import read_group
from yarnml.data.loader import Loader, concatenate
from yarnml.data.plan import Plan, make_plan
from yarnml.data.rows import rows_of
from yarnml.data.scaling import moments, standard
from yarnml.data.schema import Rows, Schema
from yarnml.errors import DataError, JobFileError
from yarnml.job.load import load_job

Columns = dict[str, list[Any]]
Write = Callable[[str, Columns], str]

MUCH = 1 << 30


def write_parquet(path: str, columns: Columns, group: int = 5) -> str:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path, row_group_size=group)
    return path


def write_csv(path: str, columns: Columns) -> str:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="") as file:
        writer = plain_csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return path


@pytest.fixture(params=["parquet", "csv"])
def format(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def write(format: str, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes columns in one of the formats; files of more than a few rows have several groups."""
    monkeypatch.setattr(csv, "GROUP_BYTES", 64)
    return write_parquet if format == "parquet" else write_csv


def plan(train: Any, test: Any = None, seed: int = 0, **fields: Any) -> Plan:
    data = {"train": train, "test": test, "features": ["x"], "label": "y", **fields}
    job = {"name": "job", "data": data, "learner": {"kind": "mlp"}, "training": {"seed": seed}}
    return make_plan(load_job(job))


def feed_of(found: Plan, shards: int = 2, cache: int = MUCH, dataset: str = "train") -> Loader:
    return Loader(found.datasets[dataset], found.stored[dataset], with_classes(found), shards, RowCache(cache))


def with_classes(found: Plan) -> Schema:
    """The schema with the classes that a survey of the training data finds."""
    return passes(found, 1)


def real(rows: Rows) -> Rows:
    """Without the padding."""
    return Rows(*(a[rows.weight > 0] for a in rows))


def read(found: Plan, shards: int = 2, dataset: str = "train") -> Rows:
    """All rows of a dataset in stored order."""
    feed = feed_of(found, shards, dataset=dataset)
    return concatenate([real(rows) for s in range(shards) for rows in feed.scan(s)], found.schema)


def same(a: Rows, b: Rows) -> bool:
    return all(np.array_equal(x, y) and x.dtype == y.dtype for x, y in zip(a, b, strict=True))


# The contract of a format


def test_numbers_and_classes(write: Write, tmp_path: Path, format: str) -> None:
    """The same content gives the same rows in every format: numbers, booleans, text labels, weights, in file order."""
    n = 23
    columns = {
        "skipped": ["text"] * n,
        "x": [i / 4 for i in range(n)],
        "count": list(range(n)),
        "flag": [i % 3 == 0 for i in range(n)],
        "y": [["cat", "dog", "ox"][i % 3] for i in range(n)],
        "w": [1 + i % 2 for i in range(n)],
    }
    found = plan(write(f"{tmp_path}/rows.{format}", columns), features=["count", "x", "flag"], weight="w")
    rows = read(found)
    expected = np.array([columns["count"], columns["x"], columns["flag"]], np.float32).T
    assert with_classes(found).classes == ("cat", "dog", "ox")
    assert found.schema.width == 3
    assert len(found.datasets["train"].group_rows) > 1
    assert same(rows, Rows(expected, np.arange(n, dtype=np.int32) % 3, 1 + np.arange(n, dtype=np.float32) % 2))


@pytest.mark.parametrize(
    ("labels", "fields", "classes", "y"),
    [
        ([3, 1, 2, 1], {}, (1, 2, 3), [2, 0, 1, 0]),
        ([True, False, True, True], {}, (False, True), [1, 0, 1, 1]),
        (["b", "a", "b", "ä"], {}, ("a", "b", "ä"), [1, 0, 1, 2]),
        (["b", "a", "b", "a"], {"classes": ["b", "a"]}, ("b", "a"), [0, 1, 0, 1]),
        ([1, 0, 1, 1], {"classes": [0, 1, 2]}, (0, 1, 2), [1, 0, 1, 1]),
        ([0.5, 1.5, 0.5, 2.5], {"label_type": "class"}, (0.5, 1.5, 2.5), [0, 1, 0, 2]),
        ([0.5, 1.5, 0.5, 2.5], {}, (), [0.5, 1.5, 0.5, 2.5]),
        ([3, 1, 2, 1], {"label_type": "number"}, (), [3, 1, 2, 1]),
    ],
)
def test_labels(
    write: Write, tmp_path: Path, format: str, labels: list[Any], fields: dict[str, Any], classes: Any, y: list[Any]
) -> None:
    """Labels of any type are numbered by their classes, sorted or as given; floating ones are numbers to predict."""
    found = plan(write(f"{tmp_path}/rows.{format}", {"x": [1, 2, 3, 4], "y": labels}), **fields)
    rows = read(found)
    assert with_classes(found).classes == classes
    assert rows.y.tolist() == y
    assert rows.y.dtype == (np.int32 if classes else np.float32)


def test_files_folders_globs_lists(write: Write, tmp_path: Path, format: str) -> None:
    """A path is a file, a folder, a glob or a list of them; files come in order and hidden ones do not count."""
    for number, name in enumerate(["b/1", "b/2", "a", "b/_SUCCESS", "b/.2.crc"]):
        write(f"{tmp_path}/{name}.{format}", {"x": [number] * 4, "y": [0.5] * 4})
    for paths, order in [
        (f"{tmp_path}/a.{format}", [2]),
        (f"{tmp_path}/b", [0, 1]),
        (f"{tmp_path}/b/", [0, 1]),
        (f"{tmp_path}/*/*.{format}", [0, 1]),
        (f"file://{tmp_path}/b", [0, 1]),
        ([f"{tmp_path}/b/2.{format}", f"{tmp_path}/a.{format}", f"{tmp_path}/b/1.*"], [1, 2, 0]),
        (str(tmp_path), [2, 0, 1]),
    ]:
        rows = read(plan(paths))
        assert rows.x[:, 0].tolist() == [float(n) for n in order for _ in range(4)]


def test_memory_urls(write: Write, tmp_path: Path, format: str) -> None:
    """Data on another filesystem reads like local data, and keeps its fingerprint."""
    here = write(f"{tmp_path}/in/rows.{format}", {"x": list(range(30)), "y": [i / 2 for i in range(30)]})
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    storage.write(f"memory://bucket/in/rows.{format}", Path(here).read_bytes())
    local, *others = (
        plan(p) for p in (here, f"memory://bucket/in/rows.{format}", "memory://bucket/in/", "memory://bucket/*/*")
    )
    for other in others:
        assert same(read(local), read(other))
        assert local.datasets["train"].fingerprint == other.datasets["train"].fingerprint
    memory.store.clear()


def test_fingerprint_follows_the_contents(write: Write, tmp_path: Path, format: str) -> None:
    """One changed value changes the fingerprint."""
    columns: Columns = {"x": [1, 2, 3], "y": [0.5, 1.5, 2.5]}
    before = plan(write(f"{tmp_path}/rows.{format}", columns)).datasets["train"].fingerprint
    again = plan(write(f"{tmp_path}/rows.{format}", columns)).datasets["train"].fingerprint
    after = plan(write(f"{tmp_path}/rows.{format}", {**columns, "x": [1, 2, 4]})).datasets["train"].fingerprint
    assert before == again != after


def test_one_unusual_format_name(write: Write, tmp_path: Path, format: str) -> None:
    """data.format reads files of any name; without it the name must tell."""
    path = write(f"{tmp_path}/rows.data", {"x": [1, 2], "y": [0.5, 1.5]})
    assert len(read(plan(path, format=format)).x) == 2
    with pytest.raises(JobFileError, match=r"rows\.data can't be told from its name; set data\.format"):
        plan(path)


def test_files_without_rows_do_not_matter(write: Write, tmp_path: Path, format: str) -> None:
    """A file with columns but no rows changes nothing, wherever it stands among others."""
    full: Columns = {"x": [1.0, 2.0], "y": [0.5, 1.5]}
    empty = pa.table({"x": pa.array([], pa.float64()), "y": pa.array([], pa.float64())})
    write(f"{tmp_path}/in/0.{format}", empty.to_pydict() if format == "csv" else {n: empty[n] for n in full})
    write(f"{tmp_path}/in/1.{format}", full)
    assert same(read(plan(f"{tmp_path}/in")), read(plan(f"{tmp_path}/in/1.{format}")))


@pytest.mark.parametrize(
    ("columns", "fields", "error", "words"),
    [
        ({"x": [1, 2], "z": [1, 2]}, {}, JobFileError, r"data\.label: .*rows.* has no column 'y'; it has x, z"),
        ({"x": [1, 2], "y": [1, 2]}, {"features": ["a"]}, JobFileError, r"data\.features: .* no column 'a'"),
        ({"x": [1, 2], "y": [1, 2]}, {"weight": "w"}, JobFileError, r"data\.weight: .* no column 'w'"),
        ({"x": [1, 2], "y": [1, 2]}, {"shape": [2, 2]}, JobFileError, r"data\.shape \[2, 2\] holds 4 numbers"),
        ({"x": [1, 2], "y": [1, 2]}, {"shape": [1 << 32, 1 << 32]}, JobFileError, r"18446744073709551616 numbers"),
        ({"x": [1, 2], "y": [1, 2]}, {"classes": ["a", "b"]}, JobFileError, r"data\.classes do not fit column 'y'"),
        ({"x": [1, 2], "y": [1, 2]}, {"classes": [2, 3]}, DataError, r"'y' holds 1, which is none of the classes"),
        ({"x": [1, 2], "y": [1, 2]}, {"classes": [1, 10**18 * 9]}, DataError, r"'y' holds 2, which is none"),
        ({"x": [1, None], "y": [1, 2]}, {}, DataError, r"column 'x' has 1 nulls"),
        ({"x": [1, 2], "y": ["a", None]}, {"classes": ["a"]}, DataError, r"column 'y' has 1 nulls"),
        ({"x": [1, 2], "y": [0.5, None]}, {}, DataError, r"column 'y' has 1 nulls"),
        ({"x": [1, 2], "y": [0.5, float("inf")]}, {}, DataError, r"label 'y' holds NaN or infinity"),
        ({"x": [1, 2], "y": [1, 2], "w": [1, None]}, {"weight": "w"}, DataError, r"column 'w' has 1 nulls"),
        ({"x": [1, 2], "y": [1, 2], "w": [1, -1]}, {"weight": "w"}, DataError, r"weight column 'w' must hold finite"),
        ({"x": [1, 2], "y": [0.5, 1.5]}, {"validation": 0.1}, JobFileError, r"leaves one part without rows"),
    ],
)
def test_refused(
    write: Write, tmp_path: Path, format: str, columns: Columns, fields: dict[str, Any], error: Any, words: str
) -> None:
    """What does not fit the job file is refused with the field or the file and column, in every format alike."""
    path = write(f"{tmp_path}/rows.{format}", columns)
    with pytest.raises(error, match=words):
        read(plan(path, **fields))


def test_text_is_no_number(write: Write, tmp_path: Path, format: str) -> None:
    """A feature that holds text is refused with the column; where types are guessed, with the value too."""
    path = write(f"{tmp_path}/rows.{format}", {"x": ["1", "two"], "y": [0.5, 1.5]})
    error, words = (JobFileError, "string") if format == "parquet" else (DataError, "invalid value 'two'")
    with pytest.raises(error, match=f"column 'x'.*{words}"):
        read(plan(path))


def test_different_columns(write: Write, tmp_path: Path, format: str) -> None:
    """Files of one dataset must have the same columns; the odd ones are named."""
    write(f"{tmp_path}/in/1.{format}", {"x": [1], "y": [1]})
    write(f"{tmp_path}/in/2.{format}", {"x": [1], "y": [1], "z": [1]})
    with pytest.raises(DataError, match=rf"2\.{format} and .*1\.{format} differ in their columns: z\."):
        plan(f"{tmp_path}/in")


def test_no_rows(write: Write, tmp_path: Path, format: str) -> None:
    """Data without rows is refused, and so is an empty file."""
    path = write(f"{tmp_path}/rows.{format}", {"x": [], "y": []})
    with pytest.raises(DataError, match=r"data\.train: .*rows\.\w+ holds no rows"):
        plan(path)
    Path(path).write_bytes(b"")
    with pytest.raises(DataError, match=r"rows\.\w+ is (empty|not a readable Parquet file)"):
        plan(path)


def test_a_file_that_changes(write: Write, tmp_path: Path, format: str) -> None:
    """A file that has fewer rows than at the start, or is gone, is named."""
    columns: Columns = {"x": list(range(9)), "y": [i / 2 for i in range(9)]}
    found = plan(write(f"{tmp_path}/rows.{format}", columns))
    write(f"{tmp_path}/rows.{format}", {n: c[:2] for n, c in columns.items()})
    with pytest.raises(DataError, match=r"rows\.\w+ (has changed|from byte)"):
        read(found)
    Path(f"{tmp_path}/rows.{format}").unlink()
    with pytest.raises(DataError, match=r"rows\.\w+ .*can't be read"):
        read(found)


# Parquet alone


def parquet(tmp_path: Path, **columns: Any) -> str:
    return write_parquet(f"{tmp_path}/rows.parquet", columns, 3)


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
    found = plan(parquet(tmp_path, x=made, a=[0.5, 1.5, 2.5, 3.5], y=[0, 1, 0, 1]), features=["a", "x"], shape=[3, 1])
    assert found.schema.width == 3
    assert read(found).x.tolist() == [[a, *pair] for a, pair in zip([0.5, 1.5, 2.5, 3.5], LISTS, strict=True)]


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
    fixed = pa.FixedSizeListArray.from_arrays(pa.array([1.0, 2.0, 3.0]), 3)
    train = write_parquet(f"{tmp_path}/train.parquet", {"x": LISTS, "y": [0, 1, 0, 1]})
    told = write_parquet(f"{tmp_path}/told.parquet", {"x": fixed, "y": [0]})  # type: ignore[dict-item]
    seen = write_parquet(f"{tmp_path}/seen.parquet", {"x": [[1.0]], "y": [0]})
    with pytest.raises(JobFileError, match=r"data\.test: column 'x' has 3 numbers, in data\.train 2"):
        plan(train, told)
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
    found = plan(str(path))
    group = found.datasets["train"].files[0].groups[1]
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


# CSV alone


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("last", ["", "end"])
@pytest.mark.parametrize("group", [7, 16, 10_000])
def test_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, last: str, group: int) -> None:
    """Rows do not depend on line endings, a missing last one, empty lines, or how the file is cut into groups."""
    monkeypatch.setattr(csv, "GROUP_BYTES", group)
    lines = ["x,y", *(f"{i},{i / 2}" for i in range(50))]
    lines.insert(20, "")
    path = tmp_path / "rows.csv"
    path.write_bytes((ending.join(lines) + (ending if last else "")).encode())
    found = plan(str(path))
    assert found.datasets["train"].rows == 50
    assert read(found, 3).x[:, 0].tolist() == list(range(50))
    assert read(found, 3).y.tolist() == [i / 2 for i in range(50)]


def test_types_hold_for_all_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights and numbers that look whole at first may have fractions later."""
    monkeypatch.setattr(csv, "GROUP_BYTES", 32)
    columns: Columns = {n: [1] * 20 + [0.5] * 20 for n in "xyw"}
    rows = read(plan(write_csv(f"{tmp_path}/rows.csv", columns), weight="w", label_type="number"))
    assert rows.x[:, 0].tolist() == rows.y.tolist() == rows.weight.tolist() == columns["x"]


def test_line_breaks_in_quotes(tmp_path: Path) -> None:
    """A line break inside quotes is refused with a way out."""
    path = write_csv(f"{tmp_path}/rows.csv", {"x": [1, 2, 3], "y": ["a", "b\nc", "d"]})
    with pytest.raises(DataError, match=r"line breaks inside quotes are not supported|not readable CSV"):
        read(plan(path))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x,y\n1,2\n3\n", "not readable CSV: .*Expected 2 columns, got 1"),
        ("\n", "is empty: a CSV file needs a header line"),
        ("x,y\n", "holds no rows"),
        ("x,y", "holds no rows"),
        ("x,y\n\n\n", "holds no rows"),
    ],
)
def test_broken_csv(tmp_path: Path, text: str, words: str) -> None:
    """CSV that is short of columns, of rows or of everything is named."""
    path = tmp_path / "rows.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=rf"rows\.csv.* {words}"):
        plan(str(path))


def test_not_utf8(tmp_path: Path) -> None:
    """Text that is not UTF-8 is refused."""
    path = tmp_path / "rows.csv"
    path.write_bytes(b"x,y\n1,\xe4\n2,\xf6\n")
    with pytest.raises(JobFileError, match=r"column 'y' holds binary"):
        plan(str(path))
    path.write_bytes(b"x,\xe4\n1,2\n")
    with pytest.raises(DataError, match=r"rows\.csv is not UTF-8 text"):
        plan(str(path))


# The feed

N = 101


@pytest.fixture
def found(tmp_path: Path) -> Plan:
    """101 rows in two files with row groups of 7 and 16; x is the row's number."""
    for name, low, high, group in [("1", 0, 40, 7), ("2", 40, N, 16)]:
        numbers = list(range(low, high))
        weights = [1.0 + i % 3 for i in numbers]
        write_parquet(
            f"{tmp_path}/in/{name}.parquet", {"x": numbers, "y": [i / 2 for i in numbers], "w": weights}, group
        )
    return plan(f"{tmp_path}/in", weight="w")


def epoch_of(
    feed: Loader, shards: int, batch: int, *, seed: int = 0, epoch: int = 0, shuffle_rows: int = 20
) -> Iterator[Rows]:
    """The batches of an epoch, step by step, shard by shard."""
    steps = feed.steps(batch)
    for step in range(steps):
        for shard in range(shards):
            yield feed.batch(shard, seed, epoch, step, steps, shuffle_rows)


def numbers(batches: Iterator[Rows]) -> npt.NDArray[np.float32]:
    return np.concatenate([real(rows).x[:, 0] for rows in batches])


@pytest.mark.parametrize("shards", [1, 2, 3, 7])
@pytest.mark.parametrize("batch", [1, 10, 64, 1000])
def test_an_epoch_is_every_row_once(found: Plan, shards: int, batch: int) -> None:
    """In every epoch each row is in one batch with its label and weight; padding has weight 0; shapes never change."""
    feed = feed_of(found, shards)
    for epoch in range(2):
        batches = list(epoch_of(feed, shards, batch, epoch=epoch))
        assert len({rows.x.shape for rows in batches}) == 1
        rows = concatenate([real(b) for b in batches], found.schema)
        assert sorted(rows.x[:, 0]) == list(range(N))
        assert np.array_equal(rows.y, rows.x[:, 0] / 2)
        assert np.array_equal(rows.weight, 1 + rows.x[:, 0] % 3)
        steps = [
            sum(int((b.weight > 0).sum()) for b in batches[at : at + shards]) for at in range(0, len(batches), shards)
        ]
        assert max(steps) <= max(batch, shards)


def test_batches_do_not_depend_on_the_cache(found: Plan) -> None:
    """Any cache limit, a second feed, and any order of asking give identical batches."""
    wanted = list(epoch_of(feed_of(found, 3), 3, 12, epoch=4))
    for cache in (0, 100, 400):
        feed = feed_of(found, 3, cache)
        list(epoch_of(feed, 3, 12, epoch=1))
        assert all(same(a, b) for a, b in zip(wanted, epoch_of(feed, 3, 12, epoch=4), strict=True))
    backwards, feed = [], feed_of(found, 3, 200)
    steps = feed.steps(12)
    for step in reversed(range(steps)):
        backwards += [feed.batch(shard, 0, 4, step, steps, 20) for shard in (2, 1, 0)]
    assert all(same(a, b) for a, b in zip(wanted, reversed(backwards), strict=True))


def test_memory_is_bounded(tmp_path: Path) -> None:
    """A feed holds at most the cache limit, and per shard two blocks and an order, whatever the size of the data."""
    held = []
    for rows in (2_000, 20_000):
        path = write_parquet(
            f"{tmp_path}/{rows}.parquet", {"x": np.arange(rows) * 1.0, "y": np.arange(rows) * 1.0}, 100
        )  # type: ignore[dict-item]
        feed = feed_of(plan(path), 2, cache=8_000)
        row, place = 12, 8
        most = 0
        for epoch in range(2):
            for _ in epoch_of(feed, 2, 256, epoch=epoch, shuffle_rows=300):
                most = max(most, feed.bytes_held)
        for shard in range(2):
            for _ in feed.scan(shard):
                most = max(most, feed.bytes_held)
        assert 0 < most <= 8_000 + 2 * 300 * (2 * row + place)
        held.append(most)
    assert held[1] <= 1.1 * held[0]


def test_the_cache_saves_reading(found: Plan) -> None:
    """With room for everything each row is read once; without, again in every epoch."""
    roomy, tight = feed_of(found, 2), feed_of(found, 2, cache=0)
    for feed in (roomy, tight):
        for epoch in range(3):
            list(epoch_of(feed, 2, 20, epoch=epoch))
    assert roomy.bytes_read == N * 12
    assert tight.bytes_read >= 3 * N * 12


def test_orders_differ(found: Plan) -> None:
    """Epochs and seeds have orders of their own, also when one feed serves them in turn."""
    feed = feed_of(found, 2)
    orders = {tuple(numbers(epoch_of(feed, 2, 10, seed=seed, epoch=epoch))) for seed in range(3) for epoch in range(3)}
    assert len(orders) == 9
    again = tuple(numbers(epoch_of(feed_of(found, 2), 2, 10, seed=1, epoch=2)))
    assert again == tuple(numbers(epoch_of(feed, 2, 10, seed=1, epoch=2)))


@pytest.mark.parametrize("shards", [1, 2, 5, 200])
def test_a_scan_is_every_row_once_in_order(found: Plan, shards: int) -> None:
    """Full passes cover the rows in stored order, in batches of one shape; an empty shard gives one empty batch."""
    feed = feed_of(found, shards)
    batches = [list(feed.scan(shard)) for shard in range(shards)]
    assert all(batches)
    assert len({rows.x.shape for shard in batches for rows in shard}) == 1
    assert numbers(rows for shard in batches for rows in shard).tolist() == list(range(N))


def test_a_scan_for_a_learner_that_holds_keeps_nothing(found: Plan) -> None:
    """What the learner keeps in its own way is not kept twice: the cache gives away what it has, and takes nothing."""
    feed = feed_of(found, 1)
    before = numbers(feed.scan(0)).tolist()
    assert feed.bytes_held > 0
    read = feed.bytes_read
    assert numbers(feed.scan(0, keep=False)).tolist() == before
    assert (feed.bytes_held, feed.bytes_read) == (0, read)
    assert numbers(feed.scan(0, keep=False)).tolist() == before
    assert (feed.bytes_held, feed.bytes_read) == (0, 2 * read)


@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.93])
def test_training_and_validation_share_no_row(tmp_path: Path, found: Plan, fraction: float) -> None:
    """A split by fraction gives both sides their rows, together each row once; another seed splits otherwise."""
    one, other = (plan(f"{tmp_path}/in", weight="w", validation=fraction, seed=seed) for seed in (0, 1))
    held = [set(read(p, 3, "validation").x[:, 0]) for p in (one, other)]
    kept = set(read(one, 3, "train").x[:, 0])
    assert len(held[0]) == int(N * fraction)
    assert held[0] != held[1]
    assert held[0] | kept == set(range(N))
    assert not held[0] & kept
    assert set(numbers(epoch_of(feed_of(one, 2), 2, 8))) == kept


def test_padding_repeats_a_real_row(found: Plan) -> None:
    """Padding is a row that a loss can take, with weight 0."""
    feed = feed_of(found, 1)
    steps = feed.steps(40)
    rows = next(r for r in (feed.batch(0, 0, 0, step, steps, 20) for step in range(steps)) if not r.weight.all())
    assert np.array_equal(rows.x[rows.weight == 0], np.repeat(rows.x[:1], int((rows.weight == 0).sum()), axis=0))


# Schema and scaling by hand


def test_rows_of_follow_the_job_file(tmp_path: Path) -> None:
    """Columns are taken by name in the job file's order, whatever the file's order."""
    found = plan(parquet(tmp_path, y=[0, 1], b=[1, 2], a=[3, 4]), features=["a", "b"])
    dataset: Dataset = found.datasets["train"]
    table = read_group(dataset, 0, 0, found.stored["train"])
    assert rows_of(table, with_classes(found), "here").x.tolist() == [[3, 1], [4, 2]]


def test_standard_scaling(found: Plan) -> None:
    """Scaling fits the weighted mean and variance of the training rows; padding does not count."""
    total = sum(moments(rows) for s in range(3) for rows in feed_of(found, 3).scan(s))
    rows = read(found)
    mean = np.average(rows.x, axis=0, weights=rows.weight)
    spread = np.sqrt(np.average((rows.x - mean) ** 2, axis=0, weights=rows.weight))
    scaling = standard(total, found.schema)
    np.testing.assert_allclose(scaling.mean, mean, rtol=1e-6)
    np.testing.assert_allclose(scaling.factor, 1 / spread, rtol=1e-6)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e300])
def test_scaling_needs_finite_numbers(tmp_path: Path, value: float) -> None:
    """NaN, infinity, or what a float32 can't hold makes scaling fail with the column's name."""
    found = plan(parquet(tmp_path, a=[1.0, 2.0], x=[1.0, value], y=[0, 1]), features=["a", "x"])
    with pytest.raises(DataError, match=r"Column 'x' of the training data holds NaN or infinity"):
        standard(moments(next(feed_of(found, 1).scan(0))), found.schema)


def test_a_constant_column_scales_to_zero(tmp_path: Path) -> None:
    """A column without variance becomes 0, not a division by 0."""
    found = plan(parquet(tmp_path, x=[7.1, 7.1], y=[0, 1]))
    assert standard(moments(next(feed_of(found, 1).scan(0))), found.schema).factor.tolist() == [0.0]


def test_split_is_part_of_the_fingerprint(tmp_path: Path) -> None:
    """Training data after a split is other data than the whole."""
    path = parquet(tmp_path, x=list(range(10)), y=[0, 1] * 5)
    whole, split = (plan(path, **fields).datasets["train"] for fields in ({}, {"validation": 0.5}))
    assert split.split == Split(0, 0.5, False)
    assert whole.fingerprint != split.fingerprint
