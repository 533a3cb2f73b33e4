"""Row groups that are too large to be read at once: a shard's rows are read without the others."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.data.tables import plan, read, same
from yarnml import storage
from yarnml.data import group_parts
from yarnml.data.base import Split
from yarnml.data.formats import parquet

ROWS = 200_000  # many batches of those that are decoded together


def written(path: Path) -> str:
    """One row group of every kind of column."""
    numbers = np.random.default_rng(0).random((4, ROWS))
    place = np.arange(ROWS)
    table = pa.table({
        **{f"x{n}": values for n, values in enumerate(numbers)},
        "text": pa.DictionaryArray.from_arrays(place % 7, [*"abcdefg"]),
        "gaps": pa.array(place, mask=place % 3 == 0),
        "pair": pa.ListArray.from_arrays(2 * np.arange(ROWS + 1), np.arange(2 * ROWS)),
        "y": place / 2,
    })  # fmt: skip
    pq.write_table(table, path, row_group_size=ROWS, data_page_size=2**14)
    return str(path)


POOLS: list[pa.MemoryPool] = []
"""Those of this module: what was read may outlive a test, in a cache of footers for one."""


def peak(read: Callable[[], pa.Table]) -> tuple[pa.Table, int]:
    """A table, and the most bytes that Arrow had while it was read."""
    before = pa.default_memory_pool()
    POOLS.append(pa.proxy_memory_pool(before))
    pa.set_memory_pool(POOLS[-1])
    try:
        return read(), POOLS[-1].max_memory()
    finally:
        pa.set_memory_pool(before)


@pytest.mark.parametrize(("low", "high"), [(0, 1), (ROWS - 1, ROWS), (65_530, 65_540), (70_000, 90_000)])
def test_the_rows_and_the_memory_of_a_part(tmp_path: Path, low: int, high: int) -> None:
    """Rows from any place on are those of the whole group, and take the memory of their part."""
    url = written(tmp_path / "t.parquet")
    fs, path = storage.arrow(url)
    columns, file = parquet.inspect(fs, path, url)
    whole, whole_bytes = peak(lambda: parquet.read(fs, path, file, 0, columns))
    part, part_bytes = peak(lambda: parquet.read_rows(fs, path, file, 0, columns, low, high))
    assert part.equals(whole.slice(low, high - low))
    assert part_bytes < 0.7 * whole_bytes


def test_shards_of_one_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shards have the same rows whether the group is read in parts or at once; a split of it is read at once."""
    train = written(tmp_path / "t.parquet")
    monkeypatch.setattr(group_parts, "LARGE_BYTES", 0)
    made = plan(train, features=["x0", "pair"], label="y", label_type="number")
    group = made.datasets["train"].files[0].groups[0]
    in_parts = read(made, 3)
    assert group_parts.reads_parts(made.datasets["train"], group)
    split = plan(train, features=["x0"], label="y", label_type="number", validation=0.5).datasets["train"]
    assert isinstance(split.split, Split)
    assert not group_parts.reads_parts(split, group)
    monkeypatch.setattr(group_parts, "LARGE_BYTES", 2**60)
    assert same(in_parts, read(made, 3))
    assert len(in_parts.x) == ROWS
