"""Progress of this worker, for its heartbeats: written by the thread that computes, read by the one that sends them."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from msgspec.structs import replace

from yarnml.control.calls import Progress
from yarnml.control.reports import Saved


def _ignore(step: int, loss: float, rows: int) -> None:
    pass


class ProgressTracker:
    """Counts what one worker has done.

    ``on_step`` is called after every step with its number, its mean loss, and the rows of the round so far.

    Two threads share it without a lock.  Each value that crosses between them is one immutable object, replaced as a
    whole, so a reader never sees half of an event, and each has one writer:

    * ``progress`` is written by the computing thread alone.
    * ``saved``, the newest checkpoint that this worker has written, is set by the thread that writes checkpoints.
    * The shards that other workers compute are set by the heartbeat thread.
    """

    def __init__(self, on_step: Callable[[int, float, int], None] = _ignore) -> None:
        self._on_step = on_step
        self.progress = Progress()
        self.saved: Saved | None = None
        self._busy_since = time.monotonic()
        self._counted = 0  # tasks of the step that `wait_for_total` has counted
        self._reassigned: tuple[int, int, frozenset[int]] = (0, -1, frozenset())

    def start_training(self) -> None:
        """Forget the steps of the training before; the counts of the worker's whole life go on."""
        self.progress = replace(self.progress, step=0, loss=0.0, rows=0)

    def start_assignment(self, generation: int) -> None:
        """Begin another assignment: none of its tasks is mapped."""
        self._busy_since = time.monotonic()
        self.progress = replace(self.progress, generation=generation, at=-1, mapped=0)

    def start_step(self, step: int) -> None:
        """Begin the tasks of a step."""
        self._counted = 0
        self.progress = replace(self.progress, at=step, mapped=0)

    def finish_task(self) -> None:
        """Count a task of the worker's own shards."""
        self.progress = replace(self.progress, mapped=self.progress.mapped + 1)

    def finish_batch(self) -> None:
        """Count a batch of rows.  It shows that the worker is alive, even in a task of minutes."""
        self.progress = replace(self.progress, batches=self.progress.batches + 1)

    @property
    def is_outdated(self) -> bool:
        """True once the master has given up the assignment that this worker is at."""
        return self._reassigned[0] > self.progress.generation

    @contextmanager
    def wait_for_total(self) -> Iterator[None]:
        """Leave out of the busy time what passes until the total over all workers is here."""
        before = self.progress
        self.progress = replace(
            before,
            tasks=before.tasks + before.mapped - self._counted,
            busy=before.busy + time.monotonic() - self._busy_since,
        )
        self._counted = before.mapped
        yield
        self._busy_since = time.monotonic()

    def finish_step(self, step: int, loss: float, rows: int) -> None:
        """Tell the newest finished step, its mean loss, and the rows of the round so far."""
        self.progress = replace(self.progress, step=step, loss=loss, rows=rows)
        self._on_step(step, loss, rows)

    def finish_checkpoint(self, saved: Saved) -> None:
        """Tell of a checkpoint that is completely written.  Called by the thread that writes it."""
        self.saved = saved

    def reassign(self, generation: int, step: int, shards: frozenset[int]) -> None:
        """Take note that other workers compute these shards of a step.  Called by the heartbeat thread."""
        self._reassigned = generation, step, shards

    def reassigned(self, step: int) -> frozenset[int]:
        """Own shards of a step of this assignment that other workers compute."""
        generation, reassigned_step, shards = self._reassigned
        return shards if (generation, reassigned_step) == (self.progress.generation, step) else frozenset()
