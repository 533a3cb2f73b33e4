"""Sentences about data that can't be taken: what it is, where, and what to do about it."""

import datetime
import lzma
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.data.tables import plan, read, with_classes, write_csv, write_parquet
from yarnml.errors import DataError, JobFileError

TYPES = {
    "binary": ([b"a", b"b"], r"binary.*; text must be UTF-8, and annotated as text in Parquet: .* cast it to text"),
    "nested": ([[[1]], [[2]]], r"list<.*list<.*; put all numbers of a row into one list"),
    "words": ([["a"], ["b", "c"]], r"list<.*string>.*; name one of its texts, such as tags\[0\]"),
    "struct": ([{"a": 1}] * 2, r"struct<a: int64>.*; name its parts, such as address"),
    "map": (pa.array([[("a", 1)]] * 2, pa.map_(pa.string(), pa.int64())), r"map<.*; name one of its keys"),
    "timestamp": ([datetime.datetime(2026, 1, 1)] * 2, r"timestamp.*; store it as a number, such as seconds"),
    "date": ([datetime.date(2026, 1, 1)] * 2, r"date32.*; store it as a number, such as days"),
    "time": ([datetime.time(1)] * 2, r"time64.*; store it as a number, such as seconds"),
    "null": ([None, None], r"null.*; it holds nothing but nulls, so leave it out"),
    "duration": ([datetime.timedelta(1)] * 2, r"duration.*; store it as a number"),
}
USES: dict[str, dict[str, Any]] = {
    "feature": {},
    "prepared feature": {"prepare": [{"kind": "one_hot", "columns": ["x"]}]},
    "imputed feature": {"prepare": [{"kind": "impute", "columns": ["x"]}]},
    "label": {"features": ["a"], "label": "x"},
    "number label": {"features": ["a"], "label": "x", "label_type": "number"},
    "weight": {"features": ["a"], "weight": "x"},
}


@pytest.mark.parametrize("fields", USES.values(), ids=USES)
@pytest.mark.parametrize(("column", "words"), TYPES.values(), ids=TYPES)
def test_types_that_can_not_be_taken(tmp_path: Path, column: Any, words: str, fields: dict[str, Any]) -> None:
    """A type that can't be taken is named with its column, and with what to store instead, whatever it is to be."""
    path = write_parquet(f"{tmp_path}/rows.parquet", {"x": column, "a": [1, 2], "y": [0, 1]})
    with pytest.raises(JobFileError, match=rf"'x'.* {words}[^.]*\.?") as refusal:
        plan(path, **fields)
    assert str(refusal.value).count("\n") == 0


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "data"])
def test_compressed_csv(tmp_path: Path, ending: str) -> None:
    """A CSV file that is compressed by a codec that is not read is told as such, whatever its name."""
    plain = Path(write_csv(f"{tmp_path}/plain", {"x": list(range(99)), "y": [0, 1, 2] * 33}))
    path = tmp_path / f"rows.{ending}"
    path.write_bytes(lzma.compress(plain.read_bytes()))
    with pytest.raises(DataError, match=rf"rows\.{ending} is compressed with xz, no file of lines; set data.format"):
        plan(str(path), format="csv")


def test_plain_csv_with_a_strange_name(tmp_path: Path) -> None:
    """A file is read as what it holds, however its name ends."""
    path = write_csv(f"{tmp_path}/rows.csv.gz", {"x": [1, 2], "y": [0.5, 1.5]})
    assert read(plan(path, format="csv")).x.tolist() == [[1], [2]]


@pytest.mark.parametrize("ending", ["parquet.gz", "csv.xz", "xlsx", "zip"])
def test_formats_that_are_not_read(tmp_path: Path, ending: str) -> None:
    """A name that tells another format is refused with it, and with those that are read."""
    (tmp_path / f"rows.{ending}").write_bytes(b"anything")
    with pytest.raises(JobFileError, match=rf"rows\.{ending} can't be read as \w+; store it as parquet or orc"):
        plan(f"{tmp_path}/rows.{ending}")


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (pa.decimal128(1, 0), [Decimal(1), Decimal(0), Decimal(1), Decimal(1)]),
        (pa.decimal128(38, 0), [Decimal(1), Decimal(0), Decimal(1), Decimal(1)]),
        (pa.decimal128(5, 2), [Decimal("0.50"), Decimal("0.25"), Decimal("0.50"), Decimal("0.50")]),
    ],
    ids=str,
)
def test_decimal_labels(tmp_path: Path, kind: pa.DataType, values: list[Decimal]) -> None:
    """A decimal is a number to predict, or a class where the job says so."""
    path = write_parquet(f"{tmp_path}/rows.parquet", {"x": [1, 2, 3, 4], "y": pa.array(values, kind)})  # type: ignore[dict-item]
    assert read(plan(path)).y.tolist() == [float(value) for value in values]
    data = plan(path, label_type="class")
    assert with_classes(data).classes == tuple(sorted({float(value) for value in values}))
    assert read(data).y.tolist() == [1, 0, 1, 1]


@pytest.mark.parametrize(
    ("columns", "fields", "words"),
    [
        (
            {"x": ["1", "oops"]},
            {},
            r"column 'x': .*invalid value 'oops'; a number is needed: mend it; of a feature, impute",
        ),
        (
            {"x": ["1", "oops"]},
            USES["imputed feature"],
            r"column 'x': .*'oops'; .* impute of data.prepare fills what is empty",
        ),
        ({"x": ["1", "a\nb"]}, USES["prepared feature"], r"line breaks? inside quotes.* as Parquet"),
        ({"x": [1, 2], "z": ["1", 'a\n"b']}, {}, r"line breaks? inside quotes.* as Parquet"),
    ],
)
def test_csv_that_can_not_be_read(tmp_path: Path, columns: Any, fields: dict[str, Any], words: str) -> None:
    """A value or a line that can't be read is told with the file and advice that applies."""
    with pytest.raises(DataError, match=rf"rows\.csv .*{words}"):
        read(plan(write_csv(f"{tmp_path}/rows.csv", {**columns, "y": [0, 1]}), **fields))
