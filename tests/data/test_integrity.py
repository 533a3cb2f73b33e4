"""Data that changed since a job began is never read."""

import shutil
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest

from yarnml.data.base import Dataset
from yarnml.data.dataset import inspect, read_group
from yarnml.data.formats import lines
from yarnml.errors import DataError


@pytest.fixture(params=["parquet", "csv"])
def rows(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of several groups."""
    monkeypatch.setattr(lines, "GROUP_BYTES", 500)
    table = pa.table({"a": np.arange(300), "b": np.arange(300) / 7, "c": [str(i) for i in range(300)]})
    path = tmp_path / f"rows.{request.param}"
    if request.param == "csv":
        pc.write_csv(table, path)
    else:
        pq.write_table(table, path, row_group_size=60, write_page_checksum=True)
    return path


def look(path: Path) -> tuple[Dataset, pa.Schema]:
    return inspect(str(path), "auto", "data.train")


def test_a_changed_file_is_never_read(rows: Path) -> None:
    """A bit that flips after the plan was made, wherever it is, is an error that names the file; or no row changes."""
    dataset, columns = look(rows)
    assert len(dataset.files[0].groups) > 3
    groups = range(len(dataset.files[0].groups))
    whole = rows.read_bytes()
    random = np.random.default_rng(0)
    good = [read_group(dataset, 0, group, columns) for group in groups]
    refused = set()
    for at in random.integers(0, len(whole), 150):
        spoilt = bytearray(whole)
        spoilt[at] ^= 1 << int(random.integers(8))
        rows.write_bytes(spoilt)
        for group in groups:
            try:
                assert read_group(dataset, 0, group, columns) == good[group]
            except DataError as exc:
                refused.add(str(exc))
    assert refused
    assert all(rows.name in text and "\n" not in text for text in refused)


@pytest.mark.parametrize("rows", ["csv"], indirect=True)
def test_every_byte_of_a_csv_file_counts(rows: Path) -> None:
    """Another digit, or other names of the columns, are seen in the groups that they touch, and only there."""
    dataset, columns = look(rows)
    groups = dataset.files[0].groups
    whole = rows.read_bytes()
    for old, new, touched in ((b"\n299,", b"\n298,", [len(groups) - 1]), (b'"a","b"', b'"b","a"', range(len(groups)))):
        rows.write_bytes(whole.replace(old, new))
        assert rows.read_bytes() != whole
        for group in range(len(groups)):
            if group in touched:
                with pytest.raises(DataError, match=r"rows\.csv has changed since the job began: its header, or the"):
                    read_group(dataset, 0, group, columns)
            else:
                assert read_group(dataset, 0, group, columns).num_rows == groups[group].rows


@pytest.mark.parametrize("rows", ["parquet"], indirect=True)
def test_another_parquet_file(rows: Path) -> None:
    """A file with the same number of rows and other values in the place of the planned one is seen by its footer."""
    dataset, columns = look(rows)
    pq.write_table(pa.table({"a": np.arange(300) + 1, "b": np.zeros(300), "c": ["x"] * 300}), rows, row_group_size=60)
    with pytest.raises(DataError, match=r"has changed since the job began: it had \d+ bytes and a footer with the SHA"):
        read_group(dataset, 0, 2, columns)


@pytest.mark.parametrize("columns", [1, 2000])
def test_a_footer_of_any_length(tmp_path: Path, columns: int) -> None:
    """The footer is found and checked whether it is smaller or larger than what one read gets."""
    path = tmp_path / "wide.parquet"
    pq.write_table(pa.table({f"c{i}": [1.0, 2.0] for i in range(columns)}), path)
    dataset, stored = look(path)
    assert read_group(dataset, 0, 0, stored).num_columns == columns


def test_a_small_digest_for_a_group(rows: Path) -> None:
    """A plan grows by at most ten bytes a group, so that datasets of thousands of files travel in one message."""
    group = look(rows)[0].files[0].groups[0]
    without = msgspec.structs.replace(group, digest=b"")
    assert len(msgspec.msgpack.encode(group)) - len(msgspec.msgpack.encode(without)) <= 10


def test_the_examples_carry_page_checksums(digits: Path, tmp_path: Path) -> None:
    """A flipped bit in the pages of our own data is an error that names the row group."""
    path = Path(shutil.copy(next((digits / "train").glob("*.parquet")), tmp_path))
    dataset, columns = look(path)
    group = dataset.files[0].groups[0]
    data = bytearray(path.read_bytes())
    data[group.start + group.size // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"Row group 0 of .* can't be read: .*CRC"):
        read_group(dataset, 0, 0, columns)
