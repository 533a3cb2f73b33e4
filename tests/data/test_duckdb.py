"""Tables that DuckDB has written, where it is installed (extra ``bench``)."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.data.tables import plan, read

duckdb = pytest.importorskip("duckdb")

ROWS = 300
TABLE = f"""
    create table t as select
        i::bigint as id, (i % 7)::tinyint as small, (i * 1.5)::decimal(12, 2) as price, i / 3.0 as ratio,
        i % 2 = 0 as flag, i::hugeint as huge, i::ubigint as large, {{'zip': '0' || (i % 4), 'n': i}} as address,
        if(i % 2 = 0, 'DE', 'a/b=c é') as country, (if(i % 3 = 0, 'x', 'y'))::enum('x', 'y') as letter,
        date '2026-01-01' + (i % 28)::int as day, if(i % 5 = 0, null, 'n é,"' || (i % 3) || '" x') as name,
        i * 2.0 as y
    from range({ROWS}) r(i)
"""
WRITTEN = {
    **{f"{codec}.parquet": f"format parquet, codec '{codec}'" for codec in ("snappy", "zstd", "lz4_raw", "brotli")},
    "v2.parquet": "format parquet, parquet_version v2, row_group_size 2048",
    "folders": "format parquet, partition_by (country)",
    "rows.jsonl": "format json",
    "rows.csv": "format csv, header",
    "rows.csv.zst": "format csv, header, compression zstd",
}
NUMBERS = ["id", "small", "price", "ratio", "huge", "large"]
NESTED = ["flag", "address.n"]
STEPS = [
    {"kind": "impute", "columns": ["name"], "value": "-"},
    {"kind": "one_hot", "columns": ["country", "letter", "name"]},
    {"kind": "datetime", "columns": ["day"], "parts": ["month", "day"]},
]


@pytest.mark.parametrize("name", WRITTEN)
def test_what_duckdb_writes(name: str, tmp_path: Path) -> None:
    """Decimals, huge integers, enums, structs, nulls and columns of folders become the numbers that they hold."""
    with duckdb.connect() as connection:
        connection.sql(TABLE)
        connection.sql(f"copy t to '{tmp_path / name}' ({WRITTEN[name]})")
    nested = [] if "csv" in name else NESTED
    features = [*NUMBERS, *nested, "country", "letter", "name", "day"]
    x = read(plan(str(tmp_path / name), features=features, prepare=STEPS)).x
    assert x.shape[0] == ROWS
    assert np.array_equal(x[x[:, 0].argsort()], expected(nested))


def expected(nested: list[str]) -> Any:
    """float32 [rows, numbers]: what the features hold, in the order of their ids."""
    i = np.arange(ROWS)
    columns: list[Any] = [i, i % 7, i * 1.5, i / 3, i, i]
    columns += [i % 2 == 0, i] if nested else []
    columns += [i % 2 == 0, i % 2 == 1, i % 3 == 0, i % 3 != 0]
    columns += [i % 5 == 0, *((i % 5 != 0) & (i % 3 == n) for n in range(3))]
    return np.stack([*columns, np.ones(ROWS), 1 + i % 28], axis=1).astype(np.float32)
