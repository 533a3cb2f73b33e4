"""The folds of a search: which rows each has, and what the trainings of one worker share."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.datasets import load_breast_cancer

from tests.jobs.searches import FOLDS, ROWS, SHARDS, Job, folds_of, held_out, job_in, numbers
from yarnml.clusters.inline import open_crew
from yarnml.control.commands import Build, Initialize, ReportPosition, ipc
from yarnml.control.reports import StatePosition
from yarnml.data.plan import make_plan
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
