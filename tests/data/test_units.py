"""Dates and instants in the units of several writers: the same moment is the same number, text and row."""

from datetime import date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.data.tables import plan, read, with_classes
from tests.preparing import step
from yarnml.data.types import in_types

MOMENTS = [datetime(2026, 1, 2, 3, 4, 5), datetime(1969, 12, 31, 23, 59, 58)]
SECONDS = [MOMENTS[0].timestamp() - datetime(1970, 1, 1).timestamp(), -2.0]


def write(folder: Path) -> str:
    """A file for each unit of instants."""
    for unit in ("ms", "us", "ns"):
        table = pa.table({"at": pa.array(MOMENTS, pa.timestamp(unit, "UTC")), "y": [0.5, 1.5], "x": [1.0, 2.0]})
        pq.write_table(table, folder / f"{unit}.parquet")
    return str(folder)


def test_instants_are_seconds(tmp_path: Path) -> None:
    """Numbers of instants are seconds since 1970, and texts those of ISO 8601, whatever unit a file has."""
    path = write(tmp_path)
    for kind in ("number", "integer"):
        at = read(plan(path, features=["at"], types={"at": kind}), 1).x[:, 0]
        assert at.tolist() == np.array(SECONDS * 3, np.float32).tolist()
    texts = plan(path, features=["at"], types={"at": "text"}, prepare=[step("one_hot", "at")])
    names = [f"at={moment}.000000" for moment in sorted(MOMENTS)]
    assert with_classes(texts).names == names
    assert read(texts, 1).x.tolist() == [[0, 1], [1, 0]] * 3


def test_conditions_on_several_units(tmp_path: Path) -> None:
    """A condition holds for the same moments in every file, also where statistics are finer than the common unit."""
    path = write(tmp_path)
    fine = pa.table({"at": pa.array([1767323045000000001], pa.timestamp("ns", "UTC")), "y": [0.5], "x": [3.0]})
    pq.write_table(fine, tmp_path / "z.parquet")
    assert read(plan(path, where="at > '2026-01-01'"), 1).x[:, 0].tolist() == [1, 1, 1, 3]


@pytest.mark.parametrize("kind", [pa.date32(), pa.date64()], ids=str)
def test_dates_are_days(kind: pa.DataType) -> None:
    """Dates of both kinds are days since 1970, or their text."""
    table = pa.table({"day": pa.array([date(1970, 1, 11), None], kind)})
    assert in_types(table, {"day": "number"}, "the table")["day"].to_pylist() == [10, None]
    assert in_types(table, {"day": "text"}, "the table")["day"].to_pylist() == ["1970-01-11", None]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_tables_to_predict(unit: str) -> None:
    """A table of a program may have another unit than the training data had, and fractions of a second."""
    table = pa.table({"at": pa.array([MOMENTS[1]], pa.timestamp("us")).cast(pa.timestamp(unit))})
    assert in_types(table, {"at": "number"}, "the table")["at"].to_pylist() == [-2]
    half = pa.table({"at": pa.array([-500_000], pa.timestamp("us", "Europe/Berlin"))})
    assert in_types(half, {"at": "number"}, "the table")["at"].to_pylist() == [-0.5]
    assert in_types(half, {"at": "integer"}, "the table")["at"].to_pylist() == [-1]
