"""A look at data by the workers of a job: the facts of one process, to the bit."""

import datetime
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.data.test_look import table
from yarnml.data.look.counts import ColumnCounter, ColumnCounts
from yarnml.data.look.document import read_document
from yarnml.data.look.facts import facts_of
from yarnml.data.look.survey import look, merge_counts
from yarnml.errors import ExportError
from yarnml.events.events import LookResult
from yarnml.job.load import load_any
from yarnml.runner import run_any

ROWS = pa.table(
    {
        "number": [0.1, -0.0, float("nan"), 0.0, 1e300, None] * 5,
        "day": [datetime.date(2026, 1, 1 + n % 9) for n in range(30)],
        "instant": [datetime.datetime(2026, 1, 1, n % 5) for n in range(30)],
        "text": [None, "a few words", "ünicode", "", "7", "x"] * 5,
        "written": ["1", "2.5", "-3", None, "1", "7"] * 5,
        "list": [[1.0] * (n % 4) for n in range(30)],
        "flag": [n % 2 == 0 for n in range(30)],
        "nothing": pa.nulls(30),
    }
)


def look_by_job(data: Path, output: Path, backend: str, **options: Any) -> LookResult:
    """Look at data by the workers of a job."""
    end = run_any(load_any({"name": "seen", "look": {"data": str(data), "output": str(output), **options}}), backend)
    assert isinstance(end, LookResult)
    return end


def test_counts_add_up_to_the_same() -> None:
    """However rows are cut, counted by several and sent, in whatever order they are merged: the facts are the same."""
    random = np.random.default_rng(1)
    for _ in range(10):
        bounds = [0, *sorted(random.integers(0, 31, random.integers(0, 6)).tolist()), 30]
        parts = [ROWS.slice(low, high - low) for low, high in pairwise(bounds)]
        sent = msgspec.msgpack.encode([_counts([parts[n]]) for n in random.permutation(len(parts))])
        merged = merge_counts(msgspec.msgpack.decode(sent, type=list[list[ColumnCounts]]))
        assert _facts(merged) == _facts(_counts([ROWS]))


def _counts(parts: list[pa.Table]) -> list[ColumnCounts]:
    counters = [ColumnCounter(field, field.name == "written") for field in ROWS.schema]
    for part in parts:
        for column, counter in zip(part.columns, counters, strict=True):
            counter.add(column)
    return [counter.counts for counter in counters]


def _facts(counts: list[ColumnCounts]) -> list[Any]:
    pairs = zip(ROWS.schema, counts, strict=True)
    return [msgspec.to_builtins(facts_of(field, field.name == "written", own)) for field, own in pairs]


@pytest.mark.parametrize("backend", ["inline", pytest.param("local", marks=pytest.mark.long)])
def test_workers_see_the_same(backend: str, tmp_path: Path) -> None:
    """Workers that share the groups see what one process sees; a second run has nothing to do, another is refused."""
    frame = table()
    data = tmp_path / "rows"
    data.mkdir()
    pq.write_table(pa.Table.from_pandas(frame[:100]), data / "0.parquet", row_group_size=30)
    pq.write_table(pa.Table.from_pandas(frame[100:]), data / "1.parquet", row_group_size=7)
    output = tmp_path / "seen.json"
    end = look_by_job(data, output, backend)
    assert (end.rows, end.columns) == (len(frame), frame.shape[1])
    assert read_document(str(output)).look == look([str(data)], "auto", "DATA", None, None)
    before = output.read_bytes()
    assert look_by_job(data, output, "inline") == end
    assert output.read_bytes() == before
    with pytest.raises(ExportError, match=r"look\.output .* exists and holds something else"):
        look_by_job(data, output, "inline", rows=10)


def test_the_first_rows_of_text_files(tmp_path: Path) -> None:
    """Files without types are looked at alike, with a dialect and by their first rows."""
    frame = table()
    for n in range(3):
        frame[n * 60 : n * 60 + 60].to_csv(tmp_path / f"{n}.csv", index=False, sep=";")
    output = tmp_path / "seen" / "out.json"
    look_by_job(tmp_path / "*.csv", output, "inline", csv={"delimiter": ";"}, rows=61)
    dialect = load_any({"name": "x", "look": {"data": "d", "output": "o", "csv": {"delimiter": ";"}}}).rows.csv
    expected = look([str(tmp_path / "*.csv")], "auto", "DATA", dialect, 61)
    assert expected.read == 120
    assert read_document(str(output)).look == expected
    assert json.loads(output.read_bytes())["format"] == "yarnml-look/1"
