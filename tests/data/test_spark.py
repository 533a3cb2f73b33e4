"""Tables that Spark itself has written, where pyspark is installed (extra ``bench``)."""

import datetime
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from yarnml.data.dataset import inspect, read_group
from yarnml.job.csv import Csv

pyspark = pytest.importorskip("pyspark")

pytestmark = pytest.mark.long

COUNTRIES = ["DE", "a/b=c %é", "01", None]
FORMATS = [
    *(f"parquet {codec}" for codec in ("snappy", "gzip", "zstd", "lz4", "none")),
    *(f"orc {codec}" for codec in ("zlib", "snappy", "zstd", "lz4")),
    "json none",
    "json gzip",
    "csv none",
    "csv bzip2",
]
NESTED = ("address", "tags")
TEXTS = {"json": ("day", "at")}
"""Columns that are text in a format without their type."""


def row(number: int) -> dict[str, Any]:
    """A row with nulls, and an instant before 1970."""
    is_null = number % 7 == 3
    return {
        "id": number,
        "price": None if is_null else Decimal(number) / 4,
        "ratio": None if is_null else number / 3,
        "flag": None if is_null else number % 2 == 0,
        "name": None if is_null else f'n é,"{number % 3}" x',
        "day": None if is_null else datetime.date(2026, 1, 1 + number % 28),
        "at": datetime.datetime(1850 if number == 1 else 2026, 1, 1, 12, 30, number, 123000, datetime.UTC),
        "address": None if is_null else {"zip": f"0{number % 4}"},
        "tags": ["a", "b"][: number % 3],
        "country": COUNTRIES[number % 4],
    }


ROWS = [row(number) for number in range(40)]
TYPES = (
    "id long, price decimal(12, 2), ratio double, flag boolean, name string, day date, at timestamp, "
    "address struct<zip: string>, tags array<string>, country string"
)


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
    session = builder.config("spark.sql.session.timeZone", "UTC").getOrCreate()
    yield session
    session.stop()


def read(path: Path, format: str) -> list[dict[str, Any]]:
    dataset, stored = inspect(str(path), format, "data.train", Csv(escape="\\") if format == "csv" else None)
    tables = [read_group(dataset, file, group, stored) for file, group in dataset.places]
    return sorted((r for t in tables for r in t.to_pylist()), key=lambda r: int(r["id"]))


@pytest.mark.parametrize("partitioned", [False, True], ids=["plain", "folders"])
@pytest.mark.parametrize("written", FORMATS)
def test_what_spark_writes(written: str, partitioned: bool, spark: Any, tmp_path: Path) -> None:
    """Every row comes back, with its nulls, decimals, dates, instants, structs, lists and columns of folders."""
    format, codec = written.split()
    frame = spark.createDataFrame([tuple(r.values()) for r in ROWS], TYPES).coalesce(2)
    frame = frame.drop(*NESTED) if format == "csv" else frame
    writer = frame.write.option("compression", codec).option("header", True)
    (writer.partitionBy("country") if partitioned else writer).format(format).save(str(tmp_path / "t"))
    for expected, stored in zip(ROWS, read(tmp_path / "t", format), strict=True):
        for name in frame.columns:
            value = stored[name]
            known = expected[name]
            if name in TEXTS.get(format, ()) and known is not None:
                value = str(value)[:10]
                known = str(known)[:10]
            if isinstance(known, datetime.datetime):
                value = pa.scalar(value).cast(pa.timestamp("ms", "UTC")).as_py()
            assert value == (pytest.approx(float(known)) if isinstance(known, float | Decimal) else known), name
