"""How a worker gets on, as its master may know it: written by the thread that works, read by the one that beats."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from yarnml.control.calls import Progress
from yarnml.control.reports import Saved


def _ignore(step: int, loss: float, rows: int) -> None:
    pass


class ProgressTracker:
    """Follows one worker.  ``told`` hears of every finished step: its number, mean loss, the round's rows so far."""

    def __init__(self, told: Callable[[int, float, int], None] = _ignore) -> None:
        self._told = told
        self._generation, self._at, self._mapped = 0, -1, 0
        self._step: tuple[int, float, int] = (0, 0.0, 0)
        self._batches, self._tasks, self._busy = 0, 0, 0.0
        self._since = time.monotonic()  # the end of the last wait for others
        self._given: tuple[int, int, frozenset[int]] = (0, -1, frozenset())
        self.saved: Saved | None = None

    def anew(self) -> None:
        """Another training begins: none of its steps is finished."""
        self._step = 0, 0.0, 0

    def begin(self, generation: int) -> None:
        """A meeting begins."""
        self._generation, self._at, self._mapped, self._since = generation, -1, 0, time.monotonic()

    def begin_step(self, step: int) -> None:
        """The tasks of a step begin."""
        self._mapped, self._at = 0, step

    def task(self) -> None:
        """A task of one's own is done."""
        self._mapped += 1

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """All parts of a step are given, and the others' are waited for."""
        self._busy, self._tasks = self._busy + time.monotonic() - self._since, self._tasks + self._mapped
        yield
        self._since = time.monotonic()

    def batch(self) -> None:
        """A batch is mapped."""
        self._batches += 1

    def step(self, step: int, loss: float, rows: int) -> None:
        """A step is finished."""
        self._step = step, loss, rows
        self._told(step, loss, rows)

    def wrote(self, saved: Saved) -> None:
        """A checkpoint is written, by another thread."""
        self.saved = saved

    def give(self, generation: int, step: int, shards: frozenset[int]) -> None:
        """Others compute these shards of this step."""
        self._given = generation, step, shards

    def given(self, step: int) -> frozenset[int]:
        """The shards of one's own that others compute."""
        generation, at, shards = self._given
        return shards if (generation, at) == (self._generation, step) else frozenset()

    @property
    def progress(self) -> Progress:
        return Progress(self._generation, *self._step, self._batches, self._at, self._mapped, self._tasks, self._busy)
