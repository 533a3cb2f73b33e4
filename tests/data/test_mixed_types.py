"""Columns that hold values of several types, in several files or in the lines of one."""

import json
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.data.tables import plan, read, with_classes
from tests.preparing import step
from yarnml.data.formats import json as json_lines
from yarnml.data.formats import lines
from yarnml.errors import DataError, JobFileError

DAYS = pa.array([date(2026, 1, 2), date(2026, 1, 3)])
MOMENTS = [datetime(2026, 1, 2), datetime(2026, 1, 2, 5)]


def write(folder: Path, *columns: Any) -> str:
    """A file for each column ``x``."""
    for number, column in enumerate(columns):
        pq.write_table(pa.table({"x": column, "y": [0, 1]}), folder / f"{number}.parquet")
    return str(folder)


def test_dates_and_instants(tmp_path: Path) -> None:
    """Dates beside instants without a zone are the midnights of their days, for steps and conditions."""
    path = write(tmp_path, DAYS, MOMENTS)
    hours = [{"kind": "datetime", "columns": ["x"], "parts": ["day", "hour"]}]
    assert read(plan(path, prepare=hours), 1).x.tolist() == [[2, 0], [3, 0], [2, 0], [2, 5]]
    assert read(plan(path, prepare=hours, where="x > '2026-01-02'"), 1).x.tolist() == [[3, 0], [2, 5]]


def test_instants_with_a_zone(tmp_path: Path) -> None:
    """In which zone a day began is not known, so dates beside these are refused, unless the job says what they are."""
    path = write(tmp_path, DAYS, pa.array(MOMENTS, pa.timestamp("us", "Europe/Berlin")))
    hours = [{"kind": "datetime", "columns": ["x"], "parts": ["hour"]}]
    with pytest.raises(DataError, match=r"holds dates in some files and instants in others: .*0\.parquet, but .*types"):
        plan(path, prepare=hours)
    assert read(plan(path, prepare=hours, types={"x": "timestamp"}), 1).x.tolist() == [[0], [0], [0], [5]]


@pytest.mark.parametrize(("kind", "names"), [("text", ["x=1", "x=2", "x=a"]), ("number", None)])
def test_the_job_says_what_a_column_is(tmp_path: Path, kind: str, names: list[str] | None) -> None:
    """Text in one file and numbers in another are what ``data.types`` says, in ``where`` too."""
    path = write(tmp_path, ["1", "a" if names else "3"], [1, 2])
    if names:
        texts = plan(path, prepare=[step("one_hot", "x")], types={"x": kind}, where="x <> '3'")
        assert with_classes(texts).names == names
        assert read(texts, 1).x.tolist() == [[1, 0, 0], [0, 0, 1], [1, 0, 0], [0, 1, 0]]
    else:
        assert read(plan(path, types={"x": kind}), 1).x.tolist() == [[1], [3], [1], [2]]
    with pytest.raises(DataError, match=r"store one type in all, or give it one by data\.types"):
        plan(path)


def test_both_files_of_a_column_that_one_lacks(tmp_path: Path) -> None:
    """The file without a column is named, and one that has it."""
    write(tmp_path, [1, 2])
    pq.write_table(pa.table({"z": [1], "y": [0]}), tmp_path / "1.parquet")
    with pytest.raises(JobFileError, match=r"1\.parquet has no column 'x'; it has z, y; .*0\.parquet has it\.$"):
        plan(str(tmp_path))


VALUES = [1, 2.5, 2.0, "a", True, None, 2**53 + 1]
TEXTS = ["1", "2.5", "2", "a", "true", None, "9007199254740993"]


@pytest.mark.parametrize("group_bytes", [lines.GROUP_BYTES, 20])
def test_lines_of_texts_and_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, group_bytes: int) -> None:
    """A field of texts, numbers and booleans is text, spelt alike whichever lines are read together."""
    monkeypatch.setattr(lines, "GROUP_BYTES", group_bytes)
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps({"x": x, "z": n, "y": n % 2}) + "\n" for n, x in enumerate(VALUES)))
    made = plan(str(path), features=["x", "z"], prepare=[step("impute", "x", value="none"), step("one_hot", "x")])
    rows = read(made, 1).x
    names = with_classes(made).names
    assert rows[:, -1].tolist() == [*range(len(VALUES))]
    assert [names[place] for place in rows[:, :-1].argmax(axis=1)] == [f"x={text or 'none'}" for text in TEXTS]
    assert read(plan(str(path), features=["z"]), 1).x[:, 0].tolist() == [*range(len(VALUES))]
    with pytest.raises(JobFileError, match=r"'x' of .*rows\.jsonl must hold numbers or lists of numbers, not string"):
        plan(str(path))


def test_lines_of_objects_and_numbers(tmp_path: Path) -> None:
    """Objects beside numbers, and a field that comes twice in a line, are refused in one sentence."""
    path = tmp_path / "rows.jsonl"
    path.write_text('{"x": 1, "y": 0}\n{"x": {"a": 1}, "y": 1}\n')
    with pytest.raises(DataError, match=r"rows\.jsonl from byte 0 on is not readable JSON Lines: .*x.*; mend it\.$"):
        plan(str(path))
    path.write_text('{"x": 1, "y": 0}\n{"x": "a", "x": "b", "y": 1}\n')
    with pytest.raises(DataError, match=r"not readable JSON Lines: .*; mend it\.$"):
        plan(str(path))
    assert json_lines.TYPED


def test_identifiers_of_avro(tmp_path: Path) -> None:
    """UUIDs are texts, as they are written."""
    ids = [UUID(int=1), None, UUID(int=2)]
    kind = ["null", {"type": "string", "logicalType": "uuid"}]
    fields = [{"name": "x", "type": kind}, {"name": "y", "type": "int"}]
    schema = fastavro.parse_schema({"type": "record", "name": "row", "fields": fields})
    with open(tmp_path / "t.avro", "wb") as file:
        fastavro.writer(file, schema, [{"x": x, "y": y} for x, y in zip(ids, [0, 1, 0], strict=True)])
    made = plan(f"{tmp_path}/t.avro", prepare=[step("impute", "x", value="none"), step("one_hot", "x")])
    assert with_classes(made).names == [f"x={ids[0]}", f"x={ids[2]}", "x=none"]
