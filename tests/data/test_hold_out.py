"""Rows to validate on: those after a date, and whole groups of rows, the same in every format and from any file."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.data.formats import save
from tests.data.tables import Columns, plan, read, write_csv, write_parquet
from yarnml.data.plan import Plan
from yarnml.errors import DataError, JobFileError

ROWS = 200
TABLE: Columns = {
    "x": [float(n) for n in range(ROWS)],
    "day": [f"2026-01-{n % 28 + 1:02}" for n in range(ROWS)],
    "customer": [n * 7 % 40 for n in range(ROWS)],
    "y": [n % 2 / 2 for n in range(ROWS)],
}


def parts(data: Plan) -> tuple[list[float], list[float]]:
    """The rows of training and validation, by x."""
    train, validation = (sorted(read(data, 3, name).x[:, 0].tolist()) for name in ("train", "validation"))
    return train, validation


def test_after_a_date(tmp_path: Path) -> None:
    """Rows after the date judge, those up to it teach, those without one do neither; conditions hold for both."""
    columns = TABLE | {"day": [None if n % 9 == 0 else day for n, day in enumerate(TABLE["day"])]}
    held = {"after": "2026-01-20", "by": "day"}
    for where in (None, "x > 50 or customer = 3"):
        chosen = [n for n in range(ROWS) if n % 9 and (where is None or n > 50 or columns["customer"][n] == 3)]
        expected = ([float(n) for n in chosen if n % 28 < 20], [float(n) for n in chosen if n % 28 >= 20])
        for write, ending in ((write_parquet, "parquet"), (write_csv, "csv")):
            path = write(f"{tmp_path}/a.{ending}", columns)
            assert parts(plan(path, validation=held, where=where)) == expected
    dates = pa.table(columns).set_column(1, "day", pa.array(columns["day"]).cast(pa.date32()))
    pq.write_table(dates, tmp_path / "dates.parquet")
    assert parts(plan(f"{tmp_path}/dates.parquet", validation=held, where=where)) == expected


def test_after_a_number(tmp_path: Path) -> None:
    """The column may hold numbers, and be one of a folder."""
    for year in (2024, 2025, 2026):
        write_parquet(f"{tmp_path}/t/year={year}/a.parquet", {"x": [year * 1.0], "y": [0.5]})
    assert parts(plan(f"{tmp_path}/t", validation={"after": 2025, "by": "year"})) == ([2024, 2025], [2026])
    assert parts(plan(f"{tmp_path}/t", validation={"after": 2024.5, "by": "x"})) == ([2024], [2025, 2026])


@pytest.mark.parametrize("ending", ["parquet", "csv", "orc", "jsonl"])
def test_groups_stay_together(ending: str, tmp_path: Path) -> None:
    """A customer is in one part, the same one in every format, by any cut into files."""
    table = pa.table(TABLE)
    whole = save(table, tmp_path / "whole.parquet")
    for number in range(4):
        save(table.slice(number * 50, 50), tmp_path / f"t/{number}.{ending}")
    held = {"fraction": 0.3, "group": "customer"}
    train, validation = parts(plan(f"{tmp_path}/t", validation=held))
    assert (train, validation) == parts(plan(whole, validation=held))
    assert sorted(train + validation) == TABLE["x"]
    customers = [{TABLE["customer"][int(x)] for x in rows} for rows in (train, validation)]
    assert not customers[0] & customers[1]
    assert 5 <= len(customers[1]) <= 20
    assert parts(plan(whole, validation=held, seed=1)) != (train, validation)


def test_about_the_fraction(tmp_path: Path) -> None:
    """About the fraction of many groups is held out; a sample and a limit are of what is left to train."""
    n = 20_000
    pq.write_table(
        pa.table({"x": np.arange(n) * 1.0, "g": np.arange(n) // 2, "y": np.zeros(n)}), tmp_path / "a.parquet"
    )
    held = {"fraction": 0.25, "group": "g"}
    rows = {k: d.rows for k, d in plan(f"{tmp_path}/a.parquet", validation=held).datasets.items()}
    assert abs(rows["validation"] / n - 0.25) < 0.015
    less = {k: d.rows for k, d in plan(f"{tmp_path}/a.parquet", validation=held, sample=0.1).datasets.items()}
    assert less == {"train": rows["train"] // 10, "validation": rows["validation"]}


@pytest.mark.parametrize(
    ("held", "words"),
    [
        ({"after": "2026-01-20"}, "give both fields of one of them"),
        ({"by": "day"}, "give both fields"),
        ({"fraction": 0.2}, "give both fields"),
        ({"after": 1, "by": "x", "fraction": 0.2, "group": "customer"}, "give both fields of one"),
        ({"after": "2026-01-20", "by": "days"}, r"data\.where: .*a\.parquet has no column 'days'"),
        ({"fraction": 0.2, "group": "customers"}, r"data\.validation\.group: .* no column 'customers'"),
        ({"after": "many", "by": "x"}, "compares column 'x', which holds double, with 'many'"),
        ({"fraction": 2, "group": "customer"}, r"data\.validation\.fraction must be a number < 1"),
        ({"until": 3}, "unknown key 'until'"),
    ],
)
def test_refused(held: dict[str, Any], words: str, tmp_path: Path) -> None:
    """Halves of fields, columns that are not there, and values of another type are named."""
    with pytest.raises(JobFileError, match=words):
        plan(write_parquet(f"{tmp_path}/a.parquet", TABLE), validation=held)


def test_no_row_is_left(tmp_path: Path) -> None:
    """A date after all rows leaves nothing to validate on."""
    with pytest.raises(DataError, match=r"data\.validation: of 200 rows .* fits none of them"):
        plan(write_parquet(f"{tmp_path}/a.parquet", TABLE), validation={"after": "2027", "by": "day"})
