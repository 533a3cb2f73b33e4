"""Data that several files of tests read."""

from pathlib import Path

import pytest

from tests.data.tables import NUMBERED_ROWS, plan, write_parquet
from yarnml.data.plan import Plan


@pytest.fixture
def numbered(tmp_path: Path) -> Plan:
    """101 rows in two files with row groups of 7 and 16; x is the row's number."""
    for name, low, high, group in [("1", 0, 40, 7), ("2", 40, NUMBERED_ROWS, 16)]:
        numbers = list(range(low, high))
        weights = [1.0 + i % 3 for i in numbers]
        write_parquet(
            f"{tmp_path}/in/{name}.parquet", {"x": numbers, "y": [i / 2 for i in numbers], "w": weights}, group
        )
    return plan(f"{tmp_path}/in", weight="w")
