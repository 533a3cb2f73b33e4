"""The progress table: what a master learns from its workers' heartbeats."""

from dataclasses import dataclass

import pytest

from yarnml.control.calls import Progress, RequestBackup
from yarnml.control.commands import Assignment, Build, FindGroups, Scoring, Train
from yarnml.data.base import Dataset
from yarnml.data.schema import Schema
from yarnml.events.events import ShardsDone, Tick
from yarnml.job.processes import Workers
from yarnml.master.progress import ProgressTable

STEP = 5


@dataclass
class Heartbeats:
    """An assignment of two workers with two shards each, and the progress that they report."""

    progress: ProgressTable
    generation: int = 0

    def begin(self, command: Train | Build | FindGroups) -> None:
        self.generation += 1
        self.progress.begin(Assignment(self.generation, command, {0: [0, 1], 1: [2, 3]}, []))

    def hear(self, worker: int, step: int = STEP, mapped: int = 0, tasks: int = 0, busy: float = 0.0) -> Progress:
        progress = Progress(self.generation, step, 0.5, 10 * step, tasks, step, mapped, tasks, busy)
        self.progress.hear(worker, progress)
        return progress

    def choose_backup(self, *, copy: bool, generation: int | None = None) -> int | None:
        return self.progress.choose_backup(
            RequestBackup(0, self.generation if generation is None else generation, STEP, copy)
        )


@pytest.fixture
def heartbeats() -> Heartbeats:
    heartbeats = Heartbeats(ProgressTable())
    heartbeats.begin(Train(STEP, 10))
    return heartbeats


def test_a_task_that_waits_is_taken_off_its_owner(heartbeats: Heartbeats) -> None:
    """Its owner hears of it at this step of this assignment, and it does not count as computed twice."""
    progress = heartbeats.hear(1)
    assert heartbeats.choose_backup(copy=False) == 3
    assert heartbeats.progress.taken_over(1, progress) == [3]
    assert heartbeats.progress.taken_over(0, progress) == []
    assert heartbeats.progress.taken_over(1, Progress(heartbeats.generation, at=STEP + 1)) == []
    assert heartbeats.choose_backup(copy=False) is None
    assert heartbeats.progress.copied == 0


def test_a_task_that_runs_is_copied(heartbeats: Heartbeats) -> None:
    """Its owner goes on with it, and it counts."""
    progress = heartbeats.hear(1, mapped=1)
    assert heartbeats.choose_backup(copy=False) is None
    assert heartbeats.choose_backup(copy=True) == 3
    assert heartbeats.progress.taken_over(1, progress) == []
    assert heartbeats.progress.copied == 1


def test_a_new_assignment_forgets_all_backups(heartbeats: Heartbeats) -> None:
    """Tasks that were taken over belong to their owners again, and a request from an old generation is refused."""
    progress = heartbeats.hear(1)
    assert heartbeats.choose_backup(copy=False) == 3
    heartbeats.begin(Train(STEP, 10))
    assert heartbeats.progress.taken_over(1, progress) == []
    assert heartbeats.choose_backup(copy=True, generation=heartbeats.generation - 1) is None
    assert heartbeats.choose_backup(copy=False) == 3


def test_every_step_is_told_once(heartbeats: Heartbeats) -> None:
    """The newest step that a member has finished is told once; after a new start the steps are told again."""
    heartbeats.hear(0, STEP)
    heartbeats.hear(1, STEP + 1)
    assert heartbeats.progress.tick([0]) == Tick(STEP, 0.5, 10 * STEP, 1)
    assert heartbeats.progress.tick([0]) is None
    assert heartbeats.progress.tick([0, 1]) == Tick(STEP + 1, 0.5, 10 * (STEP + 1), 2)
    heartbeats.begin(Build(Schema((), "y", "generation")))
    assert heartbeats.progress.tick([0, 1]) is None
    heartbeats.hear(1, 1)
    assert heartbeats.progress.tick([0, 1]) == Tick(1, 0.5, 10, 2)


def test_stragglers_are_compared_since_the_last_comparison(heartbeats: Heartbeats) -> None:
    """A worker is judged by what it did between two comparisons, the first of which finds none."""
    heartbeats.hear(0, tasks=10, busy=1.0)
    heartbeats.hear(1, tasks=10, busy=90.0)
    assert heartbeats.progress.stragglers() == []
    heartbeats.hear(0, tasks=20, busy=2.0)
    heartbeats.hear(1, tasks=20, busy=91.0)
    assert heartbeats.progress.stragglers() == []
    heartbeats.hear(1, tasks=30, busy=191.0)
    assert heartbeats.progress.stragglers() == [1]
    assert heartbeats.progress.stragglers() == []


def test_shards_of_a_job_without_steps(heartbeats: Heartbeats) -> None:
    """They are counted over the workers of this assignment, told once for each percent, and whole at its end."""
    heartbeats.hear(0, step=0, mapped=2)
    assert heartbeats.progress.shards_done(is_over=True) is None  # of steps there is a tick
    scoring = Scoring("/models/1", "", Dataset("parquet", ()), b"", 4, "fail", Workers())
    heartbeats.begin(FindGroups(scoring, "country"))
    assert heartbeats.progress.shards_done(is_over=False) is None
    heartbeats.hear(0, step=0, mapped=1)
    heartbeats.hear(1, step=0, mapped=2)
    assert heartbeats.progress.shards_done(is_over=False) == ShardsDone("find the groups", 3, 4, 2)
    assert heartbeats.progress.shards_done(is_over=False) is None
    assert heartbeats.progress.shards_done(is_over=True) == ShardsDone("find the groups", 4, 4, 2)
