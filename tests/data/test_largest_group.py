"""Groups of rows that are too large for a worker: said before a job starts."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from yarnml.data.base import Dataset, File, Group
from yarnml.data.largest_group import GIB, warning_of
from yarnml.job.load import load_job
from yarnml.master.preflight import overview


@pytest.mark.parametrize(
    ("rows", "width", "is_told"),
    [(1_000_000, 28, False), (4_000_000, 28, False), (12_000_000, 28, True), (100_000, 5000, True), (10, 0, False)],
)
def test_what_a_worker_has_room_for(rows: int, width: int, is_told: bool) -> None:
    """The largest group counts, as two blocks of float32 beside its bytes, against half of the memory."""
    groups = (Group(10, 0, 100), Group(rows, 100, 100))
    dataset = Dataset("parquet", (File("a.parquet", 200, "", groups[:1]), File("b.parquet", 200, "", groups)))
    warning = warning_of(dataset, width, 2 * GIB, shards=1)
    assert bool(warning) == is_told
    assert not is_told or warning.startswith(f"b.parquet has a group of {rows:,} rows, which is read at once")


@pytest.mark.parametrize(("shards", "is_told"), [(2, True), (8, False)])
def test_a_group_that_is_read_in_parts(shards: int, is_told: bool) -> None:
    """A worker has the rows of its shard of a large row group of Parquet in memory, so more shards take less."""
    group = Group(20_000_000, 0, 2 * GIB)
    warning = warning_of(Dataset("parquet", (File("a.parquet", 3 * GIB, "", (group,)),)), 28, 2 * GIB, shards)
    assert bool(warning) == is_told
    assert not is_told or "20,000,000 rows, of which a worker reads 10,000,000 at once" in warning
    other = Dataset("orc", (File("a.orc", 3 * GIB, "", (group,)),))
    assert "which is read at once" in warning_of(other, 28, 2 * GIB, shards)


def test_it_is_in_the_plan(tmp_path: Path) -> None:
    """A job is told so ahead, and goes on."""
    pq.write_table(pa.table({"x": [0.0] * 50_000, "y": [0.5] * 50_000}), tmp_path / "t.parquet")
    job = {
        "name": "large",
        "data": {"train": str(tmp_path / "t.parquet"), "features": ["x"], "label": "y"},
        "learner": {"kind": "linear"},
        "workers": {"memory": "256 KiB"},
        "checkpoint": {"path": str(tmp_path / "job")},
    }
    (remark,) = overview(load_job(job)).remarks
    assert "has a group of 50,000 rows" in remark
