"""Whole numbers and decimals that float64 would round are compared, and told apart, by all their digits."""

import json
import operator
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.data.tables import plan, read, write_parquet
from yarnml.data.selection import group_hashes
from yarnml.data.where import expression_of, matching
from yarnml.errors import DataError
from yarnml.job.where import parse_condition

EDGE = 2**53  # from here on float64 has every second whole number
SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
MIRRORED = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
LITERALS = ["-1", "2.5", "-2.5", "300", "16777217.5", "1e3", "1e30", "-1e400", "0.3"]
LITERALS += [f"{EDGE}", f"{EDGE + 1}", f"'{EDGE + 1}'"]
COLUMNS = [
    pa.array([-3, -2, 2, 3, 127, None], pa.int8()),
    pa.array([-(2**63), 2, 2**24 + 1, EDGE, EDGE + 1, 2**63 - 1, None], pa.int64()),
    pa.array([0, 1000, EDGE + 1, 2**64 - 1, None], pa.uint64()),
    pa.array([Decimal(n) for n in (-2, 3, 300, EDGE, EDGE + 1, 10**30)], pa.decimal128(38)),
    pa.array([Decimal(n) for n in ("-2.5", "0.3", "2.5", "300.0", "90071992547409.9")], pa.decimal128(20, 1)),
]


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: str(column.type))
def test_comparisons(column: pa.Array) -> None:
    """Whatever a column of whole numbers is compared with, its rows are chosen as Python's own numbers compare."""
    values = column.to_pylist()
    table = pa.table({"x": [float(i) for i in range(len(values))], "k": column})
    numbers = {literal: Fraction(Decimal(literal.strip("'"))) for literal in LITERALS}
    present = [(float(i), Fraction(value)) for i, value in enumerate(values) if value is not None]
    for sign, holds in SIGNS.items():
        for literal, number in numbers.items():
            expected = [x for x, value in present if holds(value, number)]
            assert chosen(table, f"k {sign} {literal}") == expected, (sign, literal)
            assert chosen(table, f"{literal} {MIRRORED[sign]} k") == expected, (sign, literal)
    of_them = [x for x, value in present if value in numbers.values()]
    assert chosen(table, f"k in ({', '.join(LITERALS)})") == of_them


def chosen(table: pa.Table, condition: str) -> list[float]:
    columns = table.schema
    kept = matching(table, expression_of(parse_condition(condition), columns), columns, "t")
    return [float(x) for x in kept.column("x").to_pylist()]


def test_columns_of_two_types_are_compared() -> None:
    """Whole numbers of other signs, fractions and decimals beside each other are compared as numbers."""
    large = pa.array([2**64 - 1, 5, 7], pa.uint64())
    signed = pa.array([-1, 5, 9])
    for column in (signed, pa.array([1.5, 5.0, 9.0]), pa.array(map(Decimal, [1, 5, 9]), pa.decimal128(38, 2))):
        table = pa.table({"x": [0.0, 1.0, 2.0], "k": large, "m": column})
        assert (chosen(table, "k > m"), chosen(table, "k = m"), chosen(table, "m > k")) == ([0], [1], [2])


def test_files_are_compared_by_all_digits(tmp_path: Path) -> None:
    """So are the statistics of Parquet, and CSV, which is read as whole numbers of 64 bits or longer."""
    for first in (EDGE, 2**64):
        ids = [first + 1, first, 7]
        kind = pa.int64() if first == EDGE else pa.decimal128(38)
        columns = {
            "x": [0.0, 1.0, 2.0],
            "k": pa.array(ids if first == EDGE else [*map(Decimal, ids)], kind),
            "y": [0.5] * 3,
        }
        pq.write_table(pa.table(columns), tmp_path / "t.parquet", row_group_size=1)
        (tmp_path / "t.csv").write_text("x,k,y\n" + "".join(f"{x},{n},0.5\n" for x, n in enumerate(ids)))
        for name, (condition, row) in product(
            ("t.parquet", "t.csv"), [(f"k = {first}", 1), (f"k > {first}", 0), ("k < 7.5", 2)]
        ):
            assert read(plan(f"{tmp_path}/{name}", where=condition), 1).x.tolist() == [[row]], (name, condition)


def test_fractions_are_compared_with_large_numbers(tmp_path: Path) -> None:
    """Fractions of CSV beside a literal of many digits, and whole numbers in one file of a column of fractions."""
    (tmp_path / "t.csv").write_text("x,k,y\n0,5.5,0.5\n1,7,0.5\n")
    assert read(plan(f"{tmp_path}/t.csv", where=f"k < {EDGE * 10} and k > 6"), 1).x.tolist() == [[1]]
    for number, column in enumerate([[5.5, 7.0], [EDGE + 1, 3]]):
        write_parquet(f"{tmp_path}/d/{number}.parquet", {"x": [number, 2.0], "k": column, "y": [0.5] * 2})
    assert read(plan(f"{tmp_path}/d", where="k > 7.5"), 1).x.tolist() == [[1]]


LABELS = [EDGE + 1, EDGE, 7]


def decimals(path: Path, labels: list[int]) -> str:
    pq.write_table(pa.table({"x": [1.0, 2.0, 3.0], "y": pa.array(map(Decimal, labels), pa.decimal128(20))}), path)
    return str(path)


def lines(path: Path, labels: list[int]) -> str:
    path.write_text("".join(json.dumps({"x": x, "y": y}) + "\n" for x, y in enumerate(labels)))
    return str(path)


@pytest.mark.parametrize(
    ("write", "name", "labels"), [(decimals, "t.parquet", LABELS), (lines, "t.jsonl", [2**64 + 1, 2**64, 7])]
)
def test_classes_that_float64_can_not_tell_apart(
    write: Callable[[Path, list[int]], str], name: str, labels: list[int], tmp_path: Path
) -> None:
    """They are refused rather than merged, with a remedy that tells them apart."""
    path = write(tmp_path / name, labels)
    with pytest.raises(DataError, match=r"'y' holds .*too large to tell classes apart: set data\.types: \{y: text\}"):
        read(plan(path, label_type="class"), 1)
    assert len({*read(plan(path, types={"y": "text"}), 1).y.tolist()}) == 3


def test_groups_of_long_decimals() -> None:
    """Two groups whose numbers float64 would round to one are two."""
    ids = pa.chunked_array([pa.array(map(Decimal, LABELS), pa.decimal128(20))])
    assert len({*group_hashes(ids, "").tolist()}) == 3
