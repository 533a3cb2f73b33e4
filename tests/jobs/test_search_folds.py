"""The folds of a search: which rows each has, and what the trainings of one worker share."""

from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.datasets import load_breast_cancer

from tests.jobs.searches import FOLDS, ROWS, SHARDS, Job, folds_of, held_out, job_in, numbers
from yarnml.clusters.inline import open_crew
from yarnml.control.commands import Build, Initialize, ReportPosition, ipc
from yarnml.control.reports import StatePosition
from yarnml.data.base import Dataset
from yarnml.data.group_folds import check_group_folds
from yarnml.data.plan import fold_of, make_plan
from yarnml.errors import JobFileError
from yarnml.events.events import Event
from yarnml.job.load import load_job


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return job_in(tmp_path)


def test_folds_share_the_rows(job: Job) -> None:
    """Every row is held out in one fold and counts in all others; folds are equal to a row, whatever the groups are."""
    folds = held_out(job)
    assert sorted(row for fold in folds for row in fold) == list(range(ROWS))
    assert sorted(map(len, folds)) == [189, 190, 190]
    assert folds != held_out(job | {"training": {"seed": 1}})


def test_stratified_folds(job: Job, tmp_path: Path) -> None:
    """Each class has its share of every fold, to two rows a group; single rows of a rare class go to any fold."""
    job["data"]["stratify"] = True
    y = load_breast_cancer().target
    for low in range(0, ROWS, 100):
        group = y[low : low + 100]
        for fold in held_out(job):
            rows = [row for row in fold if low <= row < low + 100]
            assert abs(y[rows].sum() - group.sum() / FOLDS) < 2
    rare = np.tile([0] * 24 + [1], 40)
    pq.write_table(pa.table({"row": np.arange(1000), "y": rare}), tmp_path / "rows.parquet", row_group_size=25)
    assert all(5 <= rare[fold].sum() <= 22 for fold in held_out(job))


def test_folds_of_whole_groups(job: Job, tmp_path: Path) -> None:
    """Rows of one value are in one fold, whichever row groups they lie in, and null is a value, too."""
    patients = [None if row % 41 == 0 else f"p{row % 41}" for row in range(ROWS)]
    table = pq.read_table(tmp_path / "rows.parquet").append_column("patient", pa.array(patients))
    pq.write_table(table, tmp_path / "rows.parquet", row_group_size=100)
    job["data"]["group"] = "patient"
    job["search"]["whole_groups"] = True
    folds = held_out(job)
    assert sorted(row for fold in folds for row in fold) == list(range(ROWS))
    assert sum(len({patients[row] for row in fold}) for fold in folds) == 41
    assert all(90 < len(fold) < 300 for fold in folds)
    assert folds != held_out(job | {"training": {"seed": 1}})
    spec = load_job(job)
    plan = make_plan(spec)
    dataset = fold_of(plan, spec, 1).datasets["train"]
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(dataset), type=Dataset) == dataset
    check_group_folds(spec, plan)
    few = load_job(job | {"search": job["search"] | {"folds": 50}})
    with pytest.raises(JobFileError, match=r"data\.group 'patient', fold \d+ of 50 has none of the 569"):
        check_group_folds(few, plan)


@pytest.mark.parametrize(
    ("data", "search", "words"),
    [
        ({}, {"whole_groups": True}, "search.whole_groups needs search.folds, and data.group"),
        ({"group": "row", "validation": 0.2}, {"whole_groups": True, "folds": None}, "needs search.folds"),
        ({"group": "row", "stratify": True}, {"whole_groups": True}, "both say which fold a row is in"),
    ],
)
def test_groups_that_are_refused(data: Job, search: Job, words: str, job: Job) -> None:
    """Whole groups need folds and a column, and can't be stratified."""
    with pytest.raises(JobFileError, match=words):
        load_job(job | {"data": job["data"] | data, "search": job["search"] | search})


def test_folds_share_what_is_decoded(job: Job) -> None:
    """All feeds of all folds together decode each row once: it is kept once, whatever counts."""
    read = 0
    for feeds, schema in folds_of(job):
        for feed in (feeds.loader("train", schema), feeds.loader("validation", schema)):
            for shard in range(SHARDS):
                list(feed.scan(shard))
            read += feed.bytes_read
    assert read == ROWS * (30 + 2) * 4


def test_a_state_belongs_to_one_training(job: Job) -> None:
    """A worker that has missed the begin of a training does not offer it the state of the one before."""
    job["data"]["classes"] = [0, 1]
    spec = load_job(job)
    events = list[Event]()
    plan = make_plan(spec)
    with open_crew(spec, "", events.append) as crew:
        begin = Initialize(spec, plan.datasets, {n: ipc(s) for n, s in plan.stored.items()}, SHARDS)
        for command in (begin, Build(plan.schema)):
            crew.run(command, SHARDS)
        assert crew.run(ReportPosition(begin.folder), SHARDS) == {0: StatePosition(0, 0.0, 0.0)}
        assert crew.run(ReportPosition("another"), SHARDS) == {0: StatePosition(-1, 0.0, 0.0)}


def test_steps_by_batches(job: Job) -> None:
    """The steps of all folds have one form; in an epoch every row that counts comes once, the others weigh nothing."""
    job["data"] |= {"features": ["row"], "scale": "none"}
    shapes = set()
    folds = held_out(job)
    for (feeds, schema), rows in zip(folds_of(job), folds, strict=True):
        feed = feeds.loader("train", schema)
        steps = feed.steps(100)
        batches = [feed.batch(shard, 0, 0, step, steps, 50) for step in range(steps) for shard in range(SHARDS)]
        assert numbers(batches) == sorted({*range(ROWS)} - {*rows})
        shapes |= {(steps, batch.x.shape) for batch in batches}
    assert len(shapes) == 1
