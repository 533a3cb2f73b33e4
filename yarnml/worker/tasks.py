"""A worker's part in a sum over all shards: its own tasks, and while it waits for the total, those of late workers."""

import time
from collections import deque
from collections.abc import Callable
from statistics import median

from yarnml.control.commands import Assignment
from yarnml.job.spec import Workers
from yarnml.reduce.base import AllReduce
from yarnml.reduce.reducer import StepKey
from yarnml.reduce.tree import Node, Value, combine
from yarnml.worker.progress import ProgressTracker

SLOW = 3.0  # times its own pace that a worker waits for the others before it copies their tasks
IDLE_SECONDS = 0.1  # that an idle worker waits before it asks, the first time and again
RECENT = 15  # steps over which a worker's own pace is told

Task = Callable[[int], Value]
"""Computes one shard's part of a sum."""

Spared = Callable[[int, int, bool], int | None]
"""(meeting, step, whether a task that is running may be copied) → a shard of another worker to compute, if any."""


class Tasks:
    """The tasks of one worker, meeting by meeting.  ``shards``: its own in this one."""

    def __init__(self, index: int, allreduce: AllReduce, tracker: ProgressTracker, spared: Spared) -> None:
        self._index, self._allreduce, self._tracker, self._spared = index, allreduce, tracker, spared
        self._assignment: Assignment
        self.shards: list[int] = []
        self._recent: deque[float] = deque(maxlen=RECENT)  # seconds that this worker's own tasks of a step took

    def begin(self, assignment: Assignment) -> None:
        self._assignment, self.shards = assignment, assignment.shards.get(self._index, [])
        self._tracker.start_assignment(assignment.generation)
        self._recent.clear()

    def map(self, step: int, task: Task) -> dict[int, Value]:
        """The tasks of this worker's shards, but for those that idle workers have taken off it."""
        self._tracker.start_step(step)
        began, leaves = time.monotonic(), dict[int, Value]()
        for shard in self.shards:
            if leaves and shard in self._tracker.reassigned(step):
                continue
            leaves[shard] = task(shard)
            self._tracker.finish_task()
        self._recent.append(time.monotonic() - began)
        return leaves

    def reduce(self, step: int, leaves: dict[int, Value], task: Task, workers: Workers) -> Value:
        """The total over all shards.  Who waits too long for the others computes copies of their tasks."""
        generation, runs = self._assignment.generation, self._assignment.shards.values()
        shards, several = sum(map(len, runs)), any(len(run) > 1 for run in runs)
        next_time = IDLE_SECONDS if several else workers.backup_after

        def late(waited: float) -> dict[Node, Value]:
            nonlocal next_time
            if not workers.backups or waited < next_time:
                return {}
            deadline = max(workers.backup_after, SLOW * median(self._recent))
            shard = self._spared(generation, step, waited >= deadline)
            if shard is None:
                next_time = waited + IDLE_SECONDS if waited > deadline else min(deadline, waited + IDLE_SECONDS)
                return {}
            return {Node(0, shard): task(shard)}

        parts = combine(leaves, shards)
        with self._tracker.wait_for_total():
            return self._allreduce.reduce(StepKey(generation, step), parts, shards, late)
