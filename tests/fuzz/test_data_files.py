"""Data files that nobody would write: their rows, or one sentence that says what is wrong with which file."""

import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.formats import SAVES, save
from tests.data.tables import plan, read
from tests.fuzz.law import contents, deadline
from tests.fuzz.typos import mutated
from yarnml.errors import YarnmlError

ROWS = 24

FUZZ = settings(settings.get_profile("fuzz"))

VALUES: list[Any] = [
    None, True, 0, -1, 2**31, 2**63 - 1, 0.5, float("nan"), float("inf"), 1e308, "", "a", "1", "1e5", "null",
    "é\x1b[2J", b"\xff", [], [1.0, 2.0], [1.0], [None], [[1.0]], {"a": 1}, {}, datetime.date(2024, 2, 29),
    Decimal("1.50"), datetime.datetime(1, 1, 1), datetime.timedelta(days=1), datetime.time(1),
]  # fmt: skip

TYPES = [
    pa.int8(), pa.uint64(), pa.float16(), pa.float32(), pa.bool_(), pa.string(), pa.large_string(), pa.binary(),
    pa.null(), pa.list_(pa.float32()), pa.list_(pa.float32(), 2), pa.large_list(pa.int64()), pa.date32(),
    pa.timestamp("ns"), pa.timestamp("us", "UTC"), pa.decimal128(10, 2), pa.struct([("a", pa.int8())]),
    pa.dictionary(pa.int8(), pa.string()), pa.map_(pa.string(), pa.int8()), pa.duration("s"), pa.time32("s"),
]  # fmt: skip

NAMES = ["x", "y", "w", "X", "", "a b", "x\n", "\x1b[2J", "x.y", "_x", "é", "x" * 300]

STEPS: list[list[dict[str, Any]]] = [
    [],
    [{"kind": "impute", "columns": ["x"], "strategy": "most_frequent"}],
    [{"kind": "one_hot", "columns": ["x"]}],
    [{"kind": "bucket", "columns": ["x"], "buckets": 2}],
    [{"kind": "text", "columns": ["x"], "width": 8}],
    [{"kind": "hash", "columns": ["x"], "width": 4}],
]


def check_read(folder: Path, path: Path, **fields: Any) -> None:
    """Plan and read a file: rows of one form, or an error of yarnml in one sentence; nothing is written."""
    before = contents(folder)
    sentence = "none"
    with deadline():
        try:
            rows = read(plan(str(path), **fields), shards=1)
        except YarnmlError as exc:
            sentence = str(exc)
        else:
            assert len(rows.x) == len(rows.y) == len(rows.weight)
            assert rows.x.dtype == np.float32
    assert sentence
    assert "\n" not in sentence.replace("x\n", "")  # a column may be called so
    assert contents(folder) == before


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def files(folder: Path) -> dict[str, bytes]:
    """A good file of each format, by its ending."""
    random = np.random.default_rng(0)
    table = pa.table({"x": random.normal(size=ROWS), "y": [n % 2 for n in range(ROWS)], "w": ["a", "b"] * (ROWS // 2)})
    for ending in SAVES:
        save(table, folder / f"good.{ending}")
    pq.write_table(table, folder / "good.parquet", row_group_size=10, write_page_checksum=True)
    return {ending: (folder / f"good.{ending}").read_bytes() for ending in SAVES}


@FUZZ
@given(
    ending=st.sampled_from([*SAVES]),
    other=st.sampled_from([*SAVES]),
    seed=st.integers(0, 2**64),
    steps=st.sampled_from(STEPS[:3]),
)
def test_mutated_bytes(
    folder: Path, files: dict[str, bytes], ending: str, other: str, seed: int, steps: list[Any]
) -> None:
    """Faults anywhere in a file of any format, header, pages, footer, lines; a cut end; and files of another format."""
    path = folder / f"bad.{ending}"
    content = files[other]
    cases = [mutated(files[ending], seed), files[ending][: seed % len(files[ending])], content]
    path.write_bytes(cases[seed % len(cases)])
    check_read(folder, path, prepare=steps)


@FUZZ
@given(
    x=st.lists(st.sampled_from(VALUES), min_size=1, max_size=6),
    y=st.lists(st.sampled_from([0, 1]) | st.sampled_from(VALUES), min_size=6, max_size=6),
    steps=st.sampled_from(STEPS),
    scale=st.sampled_from(["none", "standard"]),
)
def test_columns_of_any_values(folder: Path, x: list[Any], y: list[Any], steps: list[Any], scale: str) -> None:
    """Columns of whatever Arrow makes of mixed values."""
    columns = [arrow(x * 6)[:6], arrow(y)]
    write_and_check(folder, pa.table(columns, names=["x", "y"]), prepare=steps, scale=scale)


@FUZZ
@given(
    kinds=st.lists(st.sampled_from(TYPES), min_size=2, max_size=4),
    names=st.lists(st.sampled_from(NAMES), min_size=4, max_size=4),
    rows=st.integers(0, 4),
    steps=st.sampled_from(STEPS),
)
def test_any_schema(folder: Path, kinds: list[Any], names: list[str], rows: int, steps: list[Any]) -> None:
    """Columns of any type and any name, also one name twice, of nulls alone or of no rows."""
    columns = [pa.nulls(rows, kind) for kind in kinds]
    chosen = [*names[: len(kinds) - 1], "y"]
    feature = chosen[0]
    own = [step | {"columns": [feature]} for step in steps]
    write_and_check(folder, pa.table(columns, names=chosen), features=[feature], prepare=own)


def arrow(values: list[Any]) -> pa.Array:
    """The values as Arrow takes them: of one type, else as texts."""
    try:
        return pa.array(values)
    except (pa.ArrowException, OverflowError, ValueError):
        return pa.array([None if value is None else str(value) for value in values])


def write_and_check(folder: Path, table: pa.Table, **fields: Any) -> None:
    """Write a table as Parquet, where that can hold it, and read it."""
    path = folder / "any.parquet"
    try:
        pq.write_table(table, path)
    except pa.ArrowException:
        return
    check_read(folder, path, **fields)
