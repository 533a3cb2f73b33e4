"""The contract of a file format: the same content gives the same rows, and the same refusals, in all of them."""

from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from tests.data.tables import Columns, Write, plan, read, same, with_classes, write_csv, write_parquet
from yarnml import storage
from yarnml.data.formats import lines
from yarnml.data.schema import Rows
from yarnml.errors import DataError, JobFileError


@pytest.fixture(params=["parquet", "csv"])
def format(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def write(format: str, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes columns in one of the formats; files of more than a few rows have several groups."""
    monkeypatch.setattr(lines, "GROUP_BYTES", 64)
    return write_parquet if format == "parquet" else write_csv


def test_numbers_and_classes(write: Write, tmp_path: Path, format: str) -> None:
    """Equal content gives equal rows in every format: numbers, booleans, text labels, weights, in file order."""
    n = 23
    columns = {
        "skipped": ["text"] * n,
        "x": [i / 4 for i in range(n)],
        "count": list(range(n)),
        "flag": [i % 3 == 0 for i in range(n)],
        "y": [["cat", "dog", "ox"][i % 3] for i in range(n)],
        "w": [1 + i % 2 for i in range(n)],
    }
    data = plan(write(f"{tmp_path}/rows.{format}", columns), features=["count", "x", "flag"], weight="w")
    rows = read(data)
    expected = np.array([columns["count"], columns["x"], columns["flag"]], np.float32).T
    assert with_classes(data).classes == ("cat", "dog", "ox")
    assert data.schema.width == 3
    assert len(data.datasets["train"].group_rows) > 1
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
    data = plan(write(f"{tmp_path}/rows.{format}", {"x": [1, 2, 3, 4], "y": labels}), **fields)
    rows = read(data)
    assert with_classes(data).classes == classes
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
    local_path = write(f"{tmp_path}/in/rows.{format}", {"x": list(range(30)), "y": [i / 2 for i in range(30)]})
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    storage.write(f"memory://bucket/in/rows.{format}", Path(local_path).read_bytes())
    local, *remote = (
        plan(p) for p in (local_path, f"memory://bucket/in/rows.{format}", "memory://bucket/in/", "memory://bucket/*/*")
    )
    for other in remote:
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
    """data.format reads files of any name; without it the name must tell, or the first bytes."""
    path = write(f"{tmp_path}/rows.data", {"x": [1, 2], "y": [0.5, 1.5]})
    assert len(read(plan(path, format=format)).x) == 2
    if format == "csv":
        with pytest.raises(JobFileError, match=r"rows\.data can't be told from its name; set data\.format"):
            plan(path)
    else:
        assert len(read(plan(path)).x) == 2


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
        ({"x": [1, 2], "y": [1, 2]}, {"shape": [1 << 30, 1 << 30]}, JobFileError, r"1152921504606846976 numbers"),
        ({"x": [1, 2], "y": [1, 2]}, {"classes": ["a", "b"]}, JobFileError, r"data\.classes do not fit column 'y'"),
        ({"x": [1, 2], "y": [1, 2]}, {"classes": [2, 3]}, DataError, r"'y' holds 1, which is none of the classes"),
        ({"x": [1, 2], "y": [1, 2]}, {"classes": [1, 10**18 * 9]}, DataError, r"'y' holds 2, which is none"),
        ({"x": [1, None], "y": [1, 2]}, {}, DataError, r"column 'x' has 1 nulls"),
        ({"x": [1, 2], "y": ["a", None]}, {"classes": ["a"]}, DataError, r"column 'y' has 1 nulls"),
        ({"x": [1, 2], "y": [0.5, None]}, {}, DataError, r"column 'y' has 1 nulls"),
        ({"x": [1, 2], "y": [0.5, float("inf")]}, {}, DataError, r"label 'y' holds infinity; mend or drop"),
        ({"x": [1, 2], "y": [1, 2], "w": [1, None]}, {"weight": "w"}, DataError, r"column 'w' has 1 nulls"),
        ({"x": [1, 2], "y": [1, 2], "w": [1, -1]}, {"weight": "w"}, DataError, r"weight column 'w' must hold finite"),
        ({"x": [1, 2], "y": [0.5, 1.5]}, {"validation": 0.1}, JobFileError, r"leaves one part without rows"),
    ],
)
def test_refused(
    write: Write, tmp_path: Path, format: str, columns: Columns, fields: dict[str, Any], error: Any, words: str
) -> None:
    """Data that does not fit the job file is refused with the field, or the file and column, in every format alike."""
    path = write(f"{tmp_path}/rows.{format}", columns)
    with pytest.raises(error, match=words):
        read(plan(path, **fields))


def test_text_is_no_number(write: Write, tmp_path: Path, format: str) -> None:
    """A feature that holds text is refused with the column; where types are guessed, with the value too."""
    path = write(f"{tmp_path}/rows.{format}", {"x": ["1", "two"], "y": [0.5, 1.5]})
    error, words = (JobFileError, "string") if format == "parquet" else (DataError, "invalid value 'two'")
    with pytest.raises(error, match=f"column 'x'.*{words}"):
        read(plan(path))


def test_columns_are_found_by_name(write: Write, tmp_path: Path, format: str) -> None:
    """Files may have their columns in any order, and more of them than the job uses; the rows are the same."""
    write(f"{tmp_path}/in/1.{format}", {"x": [1, 2], "a": [5, 6], "y": [0.5, 1.5]})
    write(f"{tmp_path}/in/2.{format}", {"y": [2.5], "z": ["more"], "a": [7], "x": [3]})
    rows = read(plan(f"{tmp_path}/in", features=["a", "x"]))
    assert rows.x.tolist() == [[5, 1], [6, 2], [7, 3]]
    assert rows.y.tolist() == [0.5, 1.5, 2.5]


@pytest.mark.parametrize(("lacking", "field"), [("x", "features"), ("y", "label"), ("w", "weight")])
def test_a_file_that_lacks_a_column(write: Write, tmp_path: Path, format: str, lacking: str, field: str) -> None:
    """Every file must have the columns that the job uses; the first one that does not is named."""
    columns: Columns = {"x": [1], "y": [1], "w": [1]}
    write(f"{tmp_path}/in/1.{format}", columns)
    write(f"{tmp_path}/in/2.{format}", {name: c for name, c in columns.items() if name != lacking})
    with pytest.raises(JobFileError, match=rf"data\.{field}: .*2\.{format} has no column '{lacking}'; it has "):
        plan(f"{tmp_path}/in", weight="w")


def test_nothing_but_nulls_in_a_file(write: Write, tmp_path: Path, format: str) -> None:
    """A column that is empty in one file is one of nulls there, whichever file comes first."""
    full: Columns = {"x": [1.5, 2.5], "t": ["a", "b"], "y": [0.5, 1.5]}
    empty: Columns = {"x": [None] * 2, "t": [None] * 2, "y": [0.5, 1.5]}
    steps = [{"kind": "impute", "columns": ["x"], "value": 9.0}, {"kind": "impute", "columns": ["t"], "value": "b"}]
    steps.append({"kind": "one_hot", "columns": ["t"]})
    for name, first, second in (("full", full, empty), ("empty", empty, full)):
        write(f"{tmp_path}/{name}/1.{format}", first)
        write(f"{tmp_path}/{name}/2.{format}", second)
        data = plan(f"{tmp_path}/{name}", features=["x", "t"], prepare=steps)
        rows = read(data).x.tolist()
        expected = [[1.5, 1, 0], [2.5, 0, 1]], [[9, 0, 1], [9, 0, 1]]
        assert rows == [*expected[name == "empty"], *expected[name == "full"]]


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
    data = plan(write(f"{tmp_path}/rows.{format}", columns))
    write(f"{tmp_path}/rows.{format}", {n: c[:2] for n, c in columns.items()})
    with pytest.raises(DataError, match=r"rows\.\w+ (has changed|from byte)"):
        read(data)
    Path(f"{tmp_path}/rows.{format}").unlink()
    with pytest.raises(DataError, match=r"rows\.\w+ .*can't be read"):
        read(data)


def test_arrow_of_polars(tmp_path: Path) -> None:
    """Polars writes the schema of an Arrow file in its own way, and categories behind the rows, which is refused."""
    frame = pl.DataFrame({"x": [1.0, 2.0], "t": ["a", "b"], "y": [0.5, 1.5]})
    frame.write_ipc(tmp_path / "rows.arrow")
    assert read(plan(str(tmp_path / "rows.arrow"))).x.tolist() == [[1], [2]]
    frame.cast({"t": pl.Categorical}).write_ipc(tmp_path / "rows.arrow")
    with pytest.raises(DataError, match="dictionaries behind its first batch, as categories of Polars"):
        plan(str(tmp_path / "rows.arrow"))
