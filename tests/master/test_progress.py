"""What a master knows of its workers from their beats."""

from dataclasses import dataclass

import pytest

from yarnml.control.calls import Progress, RequestBackup
from yarnml.control.commands import Assignment, Build, Train
from yarnml.data.schema import Schema
from yarnml.events.events import Tick
from yarnml.master.progress import ProgressTable

STEP = 5


@dataclass
class Beats:
    """A meeting of two workers with two shards each, and the paces that they tell."""

    progress: ProgressTable
    number: int = 0

    def begin(self, command: Train | Build) -> None:
        self.number += 1
        self.progress.begin(Assignment(self.number, command, {0: [0, 1], 1: [2, 3]}, []))

    def hear(self, worker: int, step: int = STEP, mapped: int = 0, tasks: int = 0, busy: float = 0.0) -> Progress:
        progress = Progress(self.number, step, 0.5, 10 * step, tasks, step, mapped, tasks, busy)
        self.progress.hear(worker, progress)
        return progress

    def spare(self, *, copy: bool, meeting: int | None = None) -> int | None:
        return self.progress.choose_backup(RequestBackup(0, self.number if meeting is None else meeting, STEP, copy))


@pytest.fixture
def beats() -> Beats:
    found = Beats(ProgressTable())
    found.begin(Train(STEP, 10))
    return found


def test_a_task_that_waits_is_taken_off_its_owner(beats: Beats) -> None:
    """Its owner hears of it at this step of this meeting, and it does not count as computed twice."""
    progress = beats.hear(1)
    assert beats.spare(copy=False) == 3
    assert beats.progress.taken_over(1, progress) == [3]
    assert beats.progress.taken_over(0, progress) == []
    assert beats.progress.taken_over(1, Progress(beats.number, at=STEP + 1)) == []
    assert beats.spare(copy=False) is None
    assert beats.progress.copied == 0


def test_a_task_that_runs_is_copied(beats: Beats) -> None:
    """Its owner goes on with it, and it counts."""
    progress = beats.hear(1, mapped=1)
    assert beats.spare(copy=False) is None
    assert beats.spare(copy=True) == 3
    assert beats.progress.taken_over(1, progress) == []
    assert beats.progress.copied == 1


def test_a_meeting_forgets_who_helped_whom(beats: Beats) -> None:
    """Tasks that were taken over belong to their owners again, and what is asked for an old meeting is refused."""
    progress = beats.hear(1)
    assert beats.spare(copy=False) == 3
    beats.begin(Train(STEP, 10))
    assert beats.progress.taken_over(1, progress) == []
    assert beats.spare(copy=True, meeting=beats.number - 1) is None
    assert beats.spare(copy=False) == 3


def test_every_step_is_told_once(beats: Beats) -> None:
    """The newest step that a member has finished is told once; after a new start the steps are told again."""
    beats.hear(0, STEP)
    beats.hear(1, STEP + 1)
    assert beats.progress.tick([0]) == Tick(STEP, 0.5, 10 * STEP, 1)
    assert beats.progress.tick([0]) is None
    assert beats.progress.tick([0, 1]) == Tick(STEP + 1, 0.5, 10 * (STEP + 1), 2)
    beats.begin(Build(Schema((), "y", "number")))
    assert beats.progress.tick([0, 1]) is None
    beats.hear(1, 1)
    assert beats.progress.tick([0, 1]) == Tick(1, 0.5, 10, 2)


def test_who_is_slow_is_compared_since_the_last_look(beats: Beats) -> None:
    """A worker is judged by what it did between two looks, the first of which finds nobody."""
    beats.hear(0, tasks=10, busy=1.0)
    beats.hear(1, tasks=10, busy=90.0)
    assert beats.progress.stragglers() == []
    beats.hear(0, tasks=20, busy=2.0)
    beats.hear(1, tasks=20, busy=91.0)
    assert beats.progress.stragglers() == []
    beats.hear(1, tasks=30, busy=191.0)
    assert beats.progress.stragglers() == [1]
    assert beats.progress.stragglers() == []
