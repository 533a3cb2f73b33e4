"""The progress that a worker's heartbeats carry is one whole object, whatever the computing thread does meanwhile."""

import threading

from yarnml.control.calls import Progress
from yarnml.control.reports import Saved
from yarnml.worker.progress import ProgressTracker


def test_counts_of_a_step_and_of_a_life() -> None:
    """An assignment and a step begin with no tasks; batches, tasks and busy seconds go on, in another training too."""
    steps: list[tuple[int, float, int]] = []
    tracker = ProgressTracker(lambda step, loss, rows: steps.append((step, loss, rows)))
    tracker.start_assignment(7)
    tracker.start_step(3)
    for _ in range(2):
        tracker.finish_batch()
        tracker.finish_task()
    assert tracker.progress == Progress(7, batches=2, at=3, mapped=2)
    with tracker.wait_for_total():
        assert tracker.progress.tasks == 2
    tracker.finish_step(4, 0.5, 60)
    assert steps == [(4, 0.5, 60)]
    busy = tracker.progress.busy
    assert busy > 0
    assert tracker.progress == Progress(7, 4, 0.5, 60, batches=2, at=3, mapped=2, tasks=2, busy=busy)
    tracker.start_training()
    tracker.start_assignment(8)
    assert tracker.progress == Progress(8, batches=2, tasks=2, busy=busy)


def test_reassigned_shards_are_those_of_one_step() -> None:
    """Shards that other workers compute are left out at that step of that assignment, and at no other."""
    tracker = ProgressTracker()
    tracker.start_assignment(2)
    tracker.reassign(2, 5, frozenset({1}))
    assert tracker.reassigned(5) == {1}
    assert not tracker.reassigned(6)
    tracker.start_assignment(3)
    assert not tracker.reassigned(5)


def test_a_checkpoint_is_told() -> None:
    """The heartbeat after a checkpoint has its folder and digests."""
    tracker = ProgressTracker()
    assert tracker.saved is None
    tracker.finish_checkpoint(Saved("folder", {"state": "digest"}))
    assert tracker.saved == Saved("folder", {"state": "digest"})


def test_a_reader_never_sees_half_an_event() -> None:
    """Read by another thread, a step's number, loss and rows are always those of one step."""
    tracker = ProgressTracker()
    done = threading.Event()
    torn: list[Progress] = []

    def read() -> None:
        while not done.is_set():
            seen = tracker.progress
            if not seen.step == seen.loss == seen.rows:
                torn.append(seen)

    reader = threading.Thread(target=read)
    reader.start()
    for step in range(20_000):
        tracker.finish_step(step, float(step), step)
    done.set()
    reader.join()
    assert not torn
