"""The files of a stream: those that come late, change, break, or go."""

import shutil
from pathlib import Path
from typing import Any

import pytest

import yarnml
from tests.jobs.streams import ALL_FILES, Job, Killed, cancer, die_at, of, put, run, stream_job, taken
from yarnml.errors import DataError
from yarnml.events.events import BatchChanged, BatchJudged, Event, StreamWaiting

pytestmark = pytest.mark.long


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return stream_job(tmp_path)


@pytest.fixture(scope="module")
def rows() -> Any:
    return cancer()


def test_files_that_change_or_go_before_they_are_learned(job: Job, rows: Any, tmp_path: Path) -> None:
    """A batch of which a file is gone, and another has changed, begins anew as they are; one without files is none."""
    first, second = (tmp_path / "in" / name for name in ALL_FILES[:2])
    with pytest.raises(Killed):
        yarnml.run(job, "inline", say=lambda event: die_at(event, BatchJudged))
    first.unlink()
    put(rows.slice(0, 20), tmp_path / "in", 1)
    events = run(job)
    assert [(event.batch, event.files) for event in of(events, BatchChanged)] == [(1, 1)]
    assert [(event.files, event.rows) for event in of(events, BatchJudged)] == [(1, 20), (2, 100), (2, 100)]
    assert taken(job) == ALL_FILES[1:]
    assert second.exists()
    put(rows.slice(0, 20), tmp_path / "in", 7)
    with pytest.raises(Killed):
        yarnml.run(job, "inline", say=lambda event: die_at(event, BatchJudged))
    (tmp_path / "in" / "part-00007.parquet").unlink()
    put(rows.slice(0, 10), tmp_path / "in", 8)
    assert [event.rows for event in of(run(job), BatchJudged)] == [10]
    assert taken(job) == [*ALL_FILES[1:], "part-00008.parquet"]


def test_learned_files_and_the_history_may_go(job: Job, rows: Any, tmp_path: Path) -> None:
    """A stream goes on after all that it has learned was removed, and takes a smaller batch than it has shards."""
    run(job)
    shutil.rmtree(tmp_path / "in")
    (tmp_path / "history.parquet").unlink()
    assert not of(run(job), BatchJudged)
    put(rows.slice(0, 2), tmp_path / "in", 9)
    assert [event.rows for event in of(run(job), BatchJudged)] == [2]


@pytest.mark.long
def test_a_broken_file_ends_the_stream_until_it_is_gone(job: Job, tmp_path: Path) -> None:
    """A file that can't be read ends the job with its name; without it the same command goes on."""
    broken = tmp_path / "in" / "part-00002.parquet"
    broken.write_bytes(broken.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"part-00002.parquet"):
        run(job, settle="1 s")
    broken.unlink()
    run(job)
    assert taken(job) == [name for name in ALL_FILES if name != broken.name]


@pytest.mark.long
def test_a_stream_waits_for_files_and_ends_after_so_many_batches(job: Job, rows: Any, tmp_path: Path) -> None:
    """A job that has learned all files says that it waits, takes what comes, and ends where its job file says."""

    def answer(event: Event) -> None:
        events.append(event)
        if isinstance(event, StreamWaiting) and event.batches == 3:
            put(rows.slice(0, 60), tmp_path / "in", 9)

    events: list[Event] = []
    job["data"]["follow"] |= {"until": "4 batches", "every": "1 s", "files": 2}
    yarnml.run(job, "inline", say=answer)
    assert [event.rows for event in of(events, BatchJudged)] == [100, 100, 100, 60]
    assert taken(job)[-1] == "part-00009.parquet"
    assert yarnml.run(job, "inline").already
