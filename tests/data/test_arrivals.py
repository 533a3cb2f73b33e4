"""Files that other programs put into a folder: only whole ones are found, each with its size and time."""

import os
from pathlib import Path

import pytest

from yarnml.data.arrivals import Arrival, find_arrivals, is_unfinished, settled
from yarnml.errors import JobFileError

OLD = Arrival("a", 10, 1.0)
NEW = Arrival("b", 10, 2.0)


@pytest.mark.parametrize(
    ("name", "unfinished"),
    [
        ("part-0.parquet", False),
        ("tmp.parquet", False),
        ("events.1700000000000.avro.tmp", True),
        ("part-0-0.inprogress.4cb0", True),
        ("part-0.csv.part", True),
    ],
)
def test_names_that_are_still_written(name: str, unfinished: bool) -> None:
    """A name tells what Flume, Flink and others still write in place."""
    assert is_unfinished(f"hdfs:///in/{name}") == unfinished


def test_whole_files_are_found_the_oldest_first(tmp_path: Path) -> None:
    """Hidden, unfinished, empty and known files are left out; so is a folder that is not there."""
    names = [
        "b.csv",
        "day=1/a.csv",
        "_temporary/0/c.csv",
        ".d.csv",
        "e.csv._COPYING_",
        "f.csv.tmp",
        "g.csv",
        "empty.csv",
    ]
    for place, name in enumerate(names):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("" if name == "empty.csv" else "x\n")
        os.utime(path, (1000 - place, 1000 - place))
    (tmp_path / "_SUCCESS").touch()
    arrivals = find_arrivals(str(tmp_path), {str(tmp_path / "g.csv")})
    assert arrivals == [Arrival(str(tmp_path / "day=1/a.csv"), 2, 999.0), Arrival(str(tmp_path / "b.csv"), 2, 1000.0)]
    assert find_arrivals(str(tmp_path / "nothing"), set()) == []


def test_a_table_that_rewrites_its_files_is_refused(tmp_path: Path) -> None:
    """The files of a Delta table are no stream: each row could come twice."""
    (tmp_path / "_delta_log").mkdir()
    with pytest.raises(JobFileError, match=r"data.follow.path .* is a Delta table"):
        find_arrivals(str(tmp_path), set())


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ([OLD], [OLD, NEW], [OLD]),
        ([OLD], [Arrival("a", 11, 1.0)], []),
        ([OLD], [Arrival("a", 10, 3.0)], []),
        ([OLD, NEW], [NEW], [NEW]),
        ([], [OLD], []),
    ],
    ids=["a new one", "grown", "written again", "gone", "first look"],
)
def test_settled_files(before: list[Arrival], now: list[Arrival], expected: list[Arrival]) -> None:
    """A file has settled when two looks find it with one size and one time."""
    assert settled(before, now) == expected
