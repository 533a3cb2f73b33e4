"""``data.where``: the rows that SQL would choose, in every format, from the same groups wherever they are read."""

import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.data.tables import Columns, loader_of, plan, read, without_padding, write_csv, write_parquet
from yarnml.data import dataset
from yarnml.data.formats import lines
from yarnml.data.selection import counted_rows
from yarnml.errors import DataError, JobFileError
from yarnml.job.where import parse_condition

ROWS = 60
TABLE: Columns = {
    "x": [float(n) for n in range(ROWS)],
    "n": [None if n % 7 == 3 else n % 11 - 2 for n in range(ROWS)],
    "amount": [None if n % 5 == 1 else n * 0.5 - 7 for n in range(ROWS)],
    "country": [None if n % 8 == 2 else ["DE", "FR", "it's", "D_E"][n % 4] for n in range(ROWS)],
    "day": [f"2026-01-{n % 28 + 1:02}" for n in range(ROWS)],
    "flag": [n % 3 == 0 for n in range(ROWS)],
    "y": [n % 2 / 2 for n in range(ROWS)],
}

CONDITIONS = [
    "amount > 0",
    "amount > 0 and country = 'DE'",
    "amount > 0 or country = 'DE'",
    "not (amount > 0 or country = 'DE')",
    "not (amount > 0 and n <= 3)",
    "not not n = 4",
    "country in ('DE', 'it''s')",
    "country not in ('DE', 'it''s')",
    "not country in ('DE')",
    "n in (1, 2, 3.5)",
    "n not in (1, 2, -1)",
    "n between 2 and 5",
    "n not between 2 and 5",
    "country is null or amount is not null",
    "not (country is null) and not amount is null",
    "country like 'D%'",
    "country not like '_E'",
    "country <> 'FR' and n != 3",
    "3 < n",
    "amount >= n",
    "day >= '2026-01-20'",
    "-1.5e0 <= amount and amount <= +.5E1",
    "\"country\" = 'FR' AND `n` == 0",
    "n = 1 or n = 2 and amount > 5",
    "(n = 1 or n = 2) and amount > 5",
    "flag and n > 2",
    "not flag",
    "flag = false",
]


def chosen(condition: str) -> list[float]:
    """The rows that SQLite chooses, by x."""
    with sqlite3.connect(":memory:") as base:
        base.execute(f"create table t ({', '.join(TABLE)})")
        base.executemany(f"insert into t values ({', '.join('?' * len(TABLE))})", zip(*TABLE.values(), strict=True))
        return [x for (x,) in base.execute(f"select x from t where {condition} order by rowid")]


@pytest.mark.parametrize("condition", CONDITIONS)
def test_rows_are_those_of_sql(condition: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A condition chooses the rows that a database chooses, nulls as there, in Parquet and in CSV."""
    monkeypatch.setattr(lines, "GROUP_BYTES", 200)
    expected = chosen(condition)
    assert 0 < len(expected) < ROWS
    for path in (write_parquet(f"{tmp_path}/a.parquet", TABLE), write_csv(f"{tmp_path}/a.csv", TABLE)):
        data = plan(path, where=condition)
        assert len(data.datasets["train"].files[0].groups) > 4
        assert data.datasets["train"].rows == len(expected)
        for shards in (1, 3):
            assert read(data, shards).x[:, 0].tolist() == expected


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("n >", "ends at character 4, where a column or a value is expected"),
        ("n > 1 amount", "has 'amount' at character 7, where and, or, or its end is expected"),
        ("(n > 1", "ends at character 7, where '\\)' is expected"),
        ("n > 'a", "can't be read from character 5 on"),
        ("import os", "has 'os' at character 8"),
        ("n in ()", "has '\\)' at character 7"),
        ("n in (amount)", "has 'amount' at character 7, where a value is expected"),
        ("n is 5", "has '5' at character 6, where null is expected"),
        ("1 = 1", "compares 1 with 1; one of them must be a column"),
        ("1 = ", "ends"),
        ("not " * 40 + "flag", "more than 30 parentheses"),
        ("(" * 40 + "flag" + ")" * 40, "more than 30 parentheses"),
        ("n = 1 or " * 2000 + "flag", "10000 at most"),
        ("n > 'many'", "compares column 'n', which holds int64, with 'many'"),
        ("country > 1 and flag > 2", "compares column 'flag', which holds bool, with 2"),
        ("n like 'a'", "like is for text, but column 'n' holds int64"),
        ("n = country", "column 'n', which holds int64, with column 'country', which holds string"),
        ("nn = 1", "data.where: .*a.parquet has no column 'nn'; it has x, n"),
    ],
)
def test_a_wrong_condition(condition: str, words: str, tmp_path: Path) -> None:
    """A condition that says nothing is refused by the character, the column or the values that are wrong."""
    with pytest.raises(JobFileError, match=words):
        plan(write_parquet(f"{tmp_path}/a.parquet", TABLE), where=condition)


def test_no_row_is_left(tmp_path: Path) -> None:
    """A condition that fits nothing is told before anything starts."""
    with pytest.raises(DataError, match=r"data\.train: of 60 rows n > 1000 fits none of them"):
        plan(write_parquet(f"{tmp_path}/a.parquet", TABLE), where="n > 1000")


def test_statistics_leave_groups_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Groups of Parquet whose statistics exclude the condition are not read to count their rows."""
    from yarnml.data import counting

    read_groups = []

    def counted(data: Any, file: int, group: int, columns: pa.Schema) -> pa.Table:
        read_groups.append(group)
        assert columns.names == ["x"]
        return dataset.read_stored(data, file, group, columns)

    monkeypatch.setattr(counting, "read_stored", counted)
    data = plan(write_parquet(f"{tmp_path}/a.parquet", TABLE), where="x between 12 and 16")
    assert read_groups == [2, 3]
    assert data.datasets["train"].group_rows == [0, 0, 3, 2, *[0] * 8]


@pytest.mark.parametrize(
    ("kind", "condition", "expected"),
    [
        (pa.date32(), "t > '2026-01-02'", [2, 3]),
        (pa.timestamp("us"), "t > '2026-01-02'", [2, 3]),
        (pa.timestamp("ns", "UTC"), "t >= '2026-01-03 00:00:00'", [2, 3]),
        (pa.decimal128(12, 2), "t in (0.5, 2.5)", [0, 2]),
        (pa.dictionary(pa.int32(), pa.string()), "t = 'b'", [1]),
        (pa.null(), "t is null and x < 2", [0, 1]),
        (pa.large_string(), "t not in ('a')", [1, 2, 3]),
    ],
    ids=str,
)
def test_types(kind: pa.DataType, condition: str, expected: list[int], tmp_path: Path) -> None:
    """Dates, instants, decimals, dictionaries and columns of nulls are compared as what they are."""
    days = pa.array([f"2026-01-0{n}" for n in range(1, 5)])
    made = {
        "date32[day]": days,
        "decimal128(12, 2)": pa.array([0.5, 1.5, 2.5, 3.5]),
        "null": pa.nulls(4),
    }
    letters = pa.array(["a", "b", "c", "d"])
    is_instant = pa.types.is_timestamp(kind)
    values = days.cast(pa.timestamp("us")).cast(kind) if is_instant else made.get(str(kind), letters)
    column = values if is_instant else values.dictionary_encode() if pa.types.is_dictionary(kind) else values.cast(kind)
    pq.write_table(pa.table({"x": [0, 1, 2, 3], "t": column, "y": [0.5] * 4}), tmp_path / "a.parquet")
    assert read(plan(f"{tmp_path}/a.parquet", where=condition)).x[:, 0].tolist() == expected


def test_codes_in_csv(tmp_path: Path) -> None:
    """CSV is read as what a column is compared with: as text its zeros count, as a number they don't."""
    path = write_csv(f"{tmp_path}/a.csv", {"x": [1, 2, 3], "code": ["01", "1", "1.0"], "y": [0.5, 1.5, 2.5]})
    assert read(plan(path, where="code = '01'")).x[:, 0].tolist() == [1]
    assert read(plan(path, where="code = 1")).x[:, 0].tolist() == [1, 2, 3]


def test_sample_and_limit(tmp_path: Path) -> None:
    """A part of the training rows is a seeded choice, a limit the first ones; other data have all their rows."""
    path = write_parquet(f"{tmp_path}/a.parquet", TABLE)
    half = [read(plan(path, path, seed, sample=0.5)).x[:, 0] for seed in (0, 0, 1)]
    assert [len(x) for x in half] == [30, 30, 30]
    assert (half[0] == half[1]).all()
    assert (half[0] != half[2]).any()
    assert (np.diff(half[0]) > 0).all()
    assert read(plan(path, limit=7)).x[:, 0].tolist() == [*range(7)]
    both = plan(path, path, where="amount > 0", sample=0.5, limit=10, validation=0.2)
    assert {name: data.rows for name, data in both.datasets.items()} == {
        "train": 8,
        "validation": 2,
        "test": len(chosen("amount > 0")),
    }
    rows = [read(both, 2, name).x[:, 0].tolist() for name in ("train", "validation")]
    assert set(rows[0] + rows[1]) < {*chosen("amount > 0")}
    assert len({*rows[0], *rows[1]}) == 10
    fingerprints = {
        plan(path, **fields).datasets["train"].fingerprint for fields in ({}, {"limit": 7}, {"sample": 0.5})
    }
    assert len(fingerprints) == 3


@pytest.mark.parametrize(
    ("counts", "sample", "limit", "rows"),
    [
        ((5, 0, 5), None, None, (5, 0, 5)),
        ((5, 0, 5), None, 7, (5, 0, 2)),
        ((5, 0, 5), None, 5, (5, 0, 0)),
        ((3, 3, 3, 3), 0.5, None, (1, 2, 1, 2)),
        ((3, 3, 3, 3), 0.5, 2, (1, 1, 0, 0)),
        ((1, 1, 1), 0.1, None, (0, 0, 0)),
    ],
)
def test_counted_rows(counts: Any, sample: float | None, limit: int | None, rows: Any) -> None:
    """Parts of groups add up to the part of the whole, and the limit cuts the last ones."""
    assert counted_rows(counts, sample, limit) == rows


def test_a_file_that_changes_its_rows(tmp_path: Path) -> None:
    """Rows that no longer fulfil the condition as they did are told, not taken for others."""
    path = write_csv(f"{tmp_path}/a.csv", {"x": [1, 2, 3], "y": [0.5, 1.5, 2.5]})
    data = plan(path, where="x > 1")
    wrong = data.datasets["train"].selection
    assert wrong is not None
    with pytest.raises(DataError, match=r"data\.where fits 2 rows of group 0, not 3"):
        wrong.__class__(wrong.where, wrong.columns, None, (3,), (3,)).rows_of(pa.table({"x": [1.0, 2.0, 3.0]}), 0, "u")
    rows = [without_padding(batch) for shard in range(2) for batch in loader_of(data).scan(shard)]
    assert sorted(x for part in rows for x in part.x[:, 0]) == [2, 3]


def test_a_condition_is_no_program() -> None:
    """Calls, attributes of objects and other text of Python have no meaning."""
    for text in ("__import__('os')", "x.__class__ = 1 ;", "lambda: 1", "f(x) = 1"):
        with pytest.raises(JobFileError, match=r"data\.where"):
            parse_condition(text)


def test_large_whole_numbers_beside_fractions(tmp_path: Path) -> None:
    """A list of whole numbers beyond 2^53 and fractions compares each as what it is."""
    path = write_parquet(f"{tmp_path}/a.parquet", {"n": [2**53 + 1, 2**53, 1], "x": [1, 2, 3], "y": [0.5, 1.5, 2.5]})
    assert read(plan(path, where=f"n in ({2**53 + 1}, 0.5, 1.0)"), 1).x[:, 0].tolist() == [1, 3]
    assert read(plan(path, where=f"n not in ({2**53 + 1}, 0.5)"), 1).x[:, 0].tolist() == [2, 3]
