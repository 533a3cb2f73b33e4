"""The tasks of an asynchronous round: which worker computes which step of which shard next, as pure logic.

Each shard has its steps in order.  A worker takes the first one that its own shards have left.  Where these are done,
it takes the last one of the shard that has most left, so a fast worker does the work of a slow one.  Rows of an epoch
are shuffled, so steps of a shard may come in any order.
"""

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]


class Task(NamedTuple):
    """A step of some shards, whose sums are given as one.

    ``seen``: tasks of one shard that were finished when it was taken, so the weights that it is computed at have them.
    """

    step: int
    shards: list[int]
    seen: int


class TaskQueue:
    """Every step of every shard is given once.

    No sums get as stale as ``staleness`` + 1 steps: when they are applied, so many tasks of others are that the weights
    they belong to did not have.  A task that could make them so, of this worker or of another one, is not given yet.

    Args:
        first: step of the round.
        done: [shards, steps], what need not be computed any more.
        apart: [shards, steps], what some parts of the table have already: it is given shard by shard.
        staleness: None for any.
    """

    def __init__(self, first: int, done: Mask, apart: Mask, staleness: int | None) -> None:
        self._first = first
        self._apart = apart
        self._most_unseen = None if staleness is None else (staleness + 1) * len(done) - 1
        self._left = [deque(np.flatnonzero(~own).tolist()) for own in done]
        self._given = int(np.count_nonzero(done))
        self._taken: dict[int, Task] = {}  # by worker
        self.finished = self._given

    @property
    def is_over(self) -> bool:
        """True when all tasks are finished."""
        return not self._taken and not any(self._left)

    @property
    def taken(self) -> str:
        """The tasks that workers compute now, in words."""
        tasks = sorted(self._taken.items())
        return ", ".join(f"worker {worker} has step {task.step} of shards {task.shards}" for worker, task in tasks)

    def finish(self, worker: int) -> None:
        """Note that every part of the table has the sums of the task that a worker had, if it had one."""
        task = self._taken.pop(worker, None)
        self.finished += len(task.shards) if task else 0

    def take(self, worker: int, own: Sequence[int]) -> Task | None:
        """Give a worker its next task; None where there is none for it now.

        ``own``: its shards.  ValueError where these are none of the round.
        """
        if not all(0 <= shard < len(self._left) for shard in own):
            raise ValueError(f"shards {own} are not of this round")
        waiting = [shard for shard in own if self._left[shard]]
        if waiting:
            step, shards = self._first_of(waiting)
        elif any(self._left):
            longest = max(range(len(self._left)), key=lambda shard: len(self._left[shard]))
            step, shards = self._left[longest][-1], [longest]
        else:
            return None
        if not self._is_fresh_enough(len(shards)):
            return None
        for shard in shards:
            _ = self._left[shard].popleft() if waiting else self._left[shard].pop()
        self._given += len(shards)
        self._taken[worker] = Task(self._first + step, shards, self.finished)
        return self._taken[worker]

    def _first_of(self, shards: Sequence[int]) -> tuple[int, list[int]]:
        """The first step that these shards have left, and all of them that can go together."""
        step = min(self._left[shard][0] for shard in shards)
        candidates = [shard for shard in shards if self._left[shard][0] == step]
        together = [shard for shard in candidates if not self._apart[shard, step]]
        return step, together or candidates[:1]

    def _is_fresh_enough(self, count: int) -> bool:
        """Tell whether a task of so many shards can be given: its sums and those of others can't get too stale."""
        if self._most_unseen is None:
            return True
        unseen = [self._given + count - len(task.shards) - task.seen for task in self._taken.values()]
        return max([self._given - self.finished, *unseen]) <= self._most_unseen
