"""A worker's part in a sum over all shards: its own tasks, and while it waits for the total, copies of late ones."""

import time
from collections import deque
from collections.abc import Callable
from statistics import median

from yarnml.control.commands import Assignment
from yarnml.control.reports import SumSize
from yarnml.job.spec import Workers
from yarnml.reduce.base import AllReduce
from yarnml.reduce.blocks import numbers_in
from yarnml.reduce.keyed import KeyedVector, sent_bytes
from yarnml.reduce.reducer import StepKey
from yarnml.reduce.tree import Node, Value, combine, pieces
from yarnml.worker.progress import ProgressTracker

MAX_WAIT_IN_OWN_STEPS = 3.0
"""A worker copies running tasks of others once it has waited this many times as long as its own tasks take."""

BACKUP_REQUEST_SECONDS = 0.1
"""Pause of an idle worker before it asks for a backup task, the first time and between two requests."""

STEPS_OF_OWN_PACE = 15
"""How many of the newest steps tell how long this worker's own tasks take."""

Task = Callable[[int], Value]
"""Computes one shard's part of a sum."""

RequestShard = Callable[[int, int, bool], int | None]
"""(generation, step, whether a task that is running may be copied) → a shard of another worker to compute, if any."""


class Tasks:
    """The tasks of one worker in one assignment.

    ``shards``: its own, in the order in which they are mapped.
    ``sum_size``: of the first sums that it has given to the all-reduce.
    """

    def __init__(
        self,
        assignment: Assignment,
        index: int,
        allreduce: AllReduce,
        tracker: ProgressTracker,
        request_backup: RequestShard,
    ) -> None:
        self.shards = assignment.shards.get(index, [])
        self.sum_size: SumSize | None = None
        self._assignment = assignment
        self._index = index
        self._allreduce = allreduce
        self._tracker = tracker
        self._request_backup = request_backup
        self._recent_seconds: deque[float] = deque(maxlen=STEPS_OF_OWN_PACE)  # of the worker's own tasks, by step

    @property
    def generation(self) -> int:
        """The number of the assignment."""
        return self._assignment.generation

    @property
    def reducers(self) -> list[str]:
        """The addresses of all processes that reduce."""
        return self._assignment.reducers

    @property
    def addresses(self) -> dict[int, str]:
        """The address of the worker of every shard; empty in a process that is alone."""
        assignment = self._assignment
        return {shard: assignment.workers.get(w, "") for w, shards in assignment.shards.items() for shard in shards}

    @property
    def leads(self) -> bool:
        """True for the first worker that has shards: it writes checkpoints and models for all."""
        return self._index == min(worker for worker, shards in self._assignment.shards.items() if shards)

    def map(self, step: int, task: Task) -> dict[int, Value]:
        """Compute the tasks of this worker's shards, but for those that idle workers have taken over.

        The first shard is never left out: a part of the sum gives the all-reduce the form of the total.
        """
        self._tracker.start_step(step)
        began = time.monotonic()
        leaves: dict[int, Value] = {}
        for shard in self.shards:
            if leaves and shard in self._tracker.reassigned(step):
                continue
            leaves[shard] = task(shard)
            self._tracker.finish_task()
        self._recent_seconds.append(time.monotonic() - began)
        return leaves

    def reduce(self, step: int, leaves: dict[int, Value], task: Task, workers: Workers) -> Value:
        """Add up all shards, and return the total; for the arguments see `start` and `wait`."""
        self.start(step, leaves)
        return self.wait(step, task, workers)

    def start(self, step: int, leaves: dict[int, Value], delay: int = 0) -> None:
        """Give what `map` returned to the sum over all shards.

        ``delay``: how many later sums may be started before this one is waited for.
        """
        parts = combine(leaves, self.all_shards)
        self.sum_size = self.sum_size or size_of(next(iter(parts.values())))
        self._allreduce.start(StepKey(self.generation, step), parts, self.all_shards, delay)

    def wait(self, step: int, task: Task, workers: Workers) -> Value:
        """Return the total of a sum that was started.

        A worker that waits too long for the total computes copies of tasks of late workers.  A part that comes twice
        has the same bits both times, so it makes no difference which of them counts.

        ``task``: computes a shard of any worker at this step.
        """
        # A worker with several shards has tasks that have not begun: those can be taken over at once.
        has_waiting_tasks = any(len(run) > 1 for run in self._assignment.shards.values())
        next_request = BACKUP_REQUEST_SECONDS if has_waiting_tasks else workers.backup_after

        def backup(waited: float) -> dict[Node, Value]:
            nonlocal next_request
            if not workers.backups or waited < next_request:
                return {}
            copy_after = max(workers.backup_after, MAX_WAIT_IN_OWN_STEPS * median(self._recent_seconds))
            shard = self._request_backup(self.generation, step, waited >= copy_after)
            if shard is None:
                soon = waited + BACKUP_REQUEST_SECONDS
                next_request = soon if waited > copy_after else min(copy_after, soon)
                return {}
            return {Node(0, shard): task(shard)}

        with self._tracker.wait_for_total():
            return self._allreduce.wait(StepKey(self.generation, step), backup)

    @property
    def all_shards(self) -> int:
        """The number of shards of all workers."""
        return sum(map(len, self._assignment.shards.values()))


def size_of(value: Value) -> SumSize:
    """The size of a value, as its route is chosen by the numbers and as it travels."""
    parts = pieces(value)
    numbers = len(value)
    if not isinstance(value, KeyedVector):
        numbers += (numbers_in(parts[0].dtype) - 1) * len(parts[0])
    return SumSize(numbers, sum(map(sent_bytes, parts)))
