"""Looks into many files: other processes find what this one does, and say the same of what can't be read."""

import sys
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from yarnml import storage
from yarnml.data.dataset import inspect
from yarnml.data.inspectors import Files, inspect_by_threads, inspect_elsewhere, inspect_files, processes
from yarnml.errors import DataError
from yarnml.job.csv import Csv

KILLED = [sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"]


def written(folder: Path) -> Files:
    """Files of two layouts, one with metadata and several groups, and one without a byte."""
    wide = pa.schema({"x": pa.float64(), "kind": pa.dictionary(pa.int8(), pa.string())}, metadata={"by": "hand"})
    for number in range(4):
        table = pa.table([[1.0, 2.0, number], ["a", "b", "a"]], wide)
        pq.write_table(table if number % 2 else table.select(["x"]), folder / f"{number}.parquet", row_group_size=2)
    (folder / "4.parquet").touch()
    return Files("parquet", "", "data.train", storage.find(str(folder)))


def test_another_process_finds_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns with their metadata, groups and empty files are the same, and files of the same columns share them.

    A file of the user's that is named like a module of Python's makes no difference.
    """
    (tmp_path / "random.py").write_text("raise SystemExit('not the library')")
    monkeypatch.chdir(tmp_path)
    data = tmp_path / "data"
    data.mkdir()
    files = written(data)
    looks = inspect_files(files, files_of_process=2)
    assert looks == inspect_by_threads(files) == inspect_elsewhere(files)
    assert looks[1][0].metadata == {b"by": b"hand"}
    assert looks[1][0] is looks[3][0]
    assert len(inspect(str(data), "auto", "data.train")[0].files) == 4


def test_another_process_knows_the_dialect(tmp_path: Path) -> None:
    """CSV is read in the dialect of the job."""
    (tmp_path / "a.csv").write_text("x;y\n1,5;a\n2,5;b\n")
    dialect = msgspec.json.encode(Csv(delimiter=";", decimal=",")).decode()
    files = Files("csv", dialect, "data.train", [str(tmp_path / "a.csv")])
    assert inspect_elsewhere(files) == inspect_by_threads(files)


@pytest.mark.parametrize("gone", [None, ("version 3 needs ", ", which is gone.")])
def test_another_process_says_the_same(tmp_path: Path, gone: tuple[str, str] | None) -> None:
    """The sentence about a file that is broken, or gone, does not hang on the process that has met it."""
    files = msgspec.structs.replace(written(tmp_path), gone=gone)
    (tmp_path / "3.parquet").unlink() if gone else (tmp_path / "3.parquet").write_bytes(b"PAR1 or not")
    with pytest.raises(DataError) as of_threads:
        inspect_by_threads(files)
    with pytest.raises(DataError) as of_process:
        inspect_elsewhere(files)
    assert str(of_process.value) == str(of_threads.value)
    assert "3.parquet" in str(of_threads.value)


def test_a_dead_process_ends_the_look(tmp_path: Path) -> None:
    """A process that is killed is one sentence, which names the field and the files."""
    with pytest.raises(DataError, match=r"data\.train: the process that looked into 5 .*0\.parquet.* status -9"):
        inspect_elsewhere(written(tmp_path), KILLED)


@pytest.mark.parametrize(
    ("files", "cores", "expected"),
    [(1, 8, 1), (3999, 8, 1), (4000, 8, 2), (10_000, 2, 2), (10**6, 64, 4), (10**6, 1, 1)],
)
def test_processes_for_files(files: int, cores: int, expected: int) -> None:
    """Few files take this process alone, many as many as there are cores, up to a limit."""
    assert processes(files, cores) == expected
