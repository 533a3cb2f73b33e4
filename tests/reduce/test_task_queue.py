"""The tasks of an asynchronous round, with simulated workers of any speed."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yarnml.master.placement import assign
from yarnml.reduce.task_queue import Task, TaskQueue

STEPS = 12


class Simulated:
    """A round of ``workers``, each of which carries out a task in a time of its own.

    ``given``: (shard, step) of all tasks, in their order.
    ``staleness``: of the sums of each, in steps.
    """

    def __init__(self, queue: TaskQueue, shards: int, seconds: list[float]) -> None:
        self.given: list[tuple[int, int]] = []
        self.staleness: list[float] = []
        own = assign(shards, range(len(seconds)))
        busy: dict[int, tuple[float, Task, int]] = {}
        pushed = queue.finished
        now = 0.0
        while not queue.is_over:
            for worker in own.keys() - busy.keys():
                if task := queue.take(worker, own[worker]):
                    self.given += [(shard, task.step) for shard in task.shards]
                    busy[worker] = now + seconds[worker], task, pushed
            worker = min(busy, key=lambda worker: busy[worker][0])
            now, task, seen = busy.pop(worker)
            self.staleness.append((pushed - seen) / shards)
            pushed += len(task.shards)
            queue.finish(worker)
        self.seconds = now


def nothing(shards: int) -> np.ndarray:
    return np.zeros((shards, STEPS), bool)


@settings(max_examples=60)
@given(
    shards=st.integers(1, 7),
    seconds=st.lists(st.sampled_from([1.0, 1.1, 1.7, 3.0, 40.0]), min_size=1, max_size=5),
    staleness=st.sampled_from([0, 1, 4, None]),
    seed=st.integers(0, 9),
)
def test_each_task_once_and_never_too_stale(
    shards: int, seconds: list[float], staleness: int | None, seed: int
) -> None:
    """Every task that is left is given once, however quick workers are, and the bound of staleness holds."""
    seconds = seconds[:shards]
    done, apart = np.random.default_rng(seed).random((2, shards, STEPS)) < 0.2
    round = Simulated(TaskQueue(100, done, apart & ~done, staleness), shards, seconds)
    expected = [(int(shard), 100 + int(step)) for shard, step in zip(*np.nonzero(~done), strict=True)]
    assert sorted(round.given) == expected
    if staleness is not None:
        assert max(round.staleness, default=0) < staleness + 1


def test_a_bound_costs_what_it_saves() -> None:
    """A worker at a tenth of the speed makes sums stale, unless there is a bound; without it others do its work."""
    bounds = (None, 4, 1, 0)
    rounds = {bound: Simulated(TaskQueue(0, nothing(4), nothing(4), bound), 4, [1, 1, 1, 10]) for bound in bounds}
    stale = [max(rounds[bound].staleness) for bound in bounds]
    taken = [rounds[bound].seconds for bound in bounds]
    assert stale == sorted(stale, reverse=True)
    assert stale[0] > 5
    assert all(quick <= slow for quick, slow in pairwise(taken))
    assert taken[0] < STEPS * 10 / 5, "with a barrier after each step it is ten times as long"


def test_one_worker_goes_step_by_step() -> None:
    """A worker alone has the steps in their order, with all shards, and nothing is stale."""
    round = Simulated(TaskQueue(0, nothing(3), nothing(3), 0), 3, [1.0])
    assert round.given == [(shard, step) for step in range(STEPS) for shard in range(3)]
    assert set(round.staleness) == {0}


def test_shards_of_another_round() -> None:
    with pytest.raises(ValueError, match="not of this round"):
        TaskQueue(0, nothing(2), nothing(2), None).take(0, [2])
