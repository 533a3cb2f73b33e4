"""Workers in threads and real owners in an asynchronous round, whose sums are all ones: rows count what was applied."""

import threading
from collections.abc import Callable, Sequence

import numpy as np

from tests.reduce.allreduces import SHARDS
from tests.reduce.owned_tables import WIDTH, side_by_side, table_of
from yarnml.job.learners import Adagrad
from yarnml.reduce.allreduce import NetworkAllReduce
from yarnml.reduce.keyed import KeyedVector
from yarnml.reduce.push_wire import TaskForm
from yarnml.reduce.pushed_table import PushedTable, RoundPlan
from yarnml.reduce.reducer import Reducer
from yarnml.reduce.tree import sum_of
from yarnml.sparse.block import Block
from yarnml.sparse.rules import rule_of
from yarnml.sparse.run import Keys, Run
from yarnml.sparse.stored import KEYS

DENSE = [(Block("bias", 1, rule_of(Adagrad())), 2)]
NUMBERS = np.zeros(4, np.float32)


def keys_of(step: int, shard: int) -> Keys:
    return np.unique(np.random.default_rng([step, shard]).integers(0, 40, 20, np.uint64) << np.uint64(58))


def sums_of(table: PushedTable, task: TaskForm) -> KeyedVector:
    """Sums of a task: loss and weight 1 and 2 of each shard, and a gradient of 1 for every number."""
    leaves = {}
    for shard in task.shards:
        keys = keys_of(task.step, shard)
        table.weights(keys, unknown_as_first=True)
        ones = np.ones((len(keys), WIDTH), np.float32)
        leaves[shard] = KeyedVector(np.array([1, 2, 1, 1], np.float32), Run(keys, ones))
    return sum_of(leaves, SHARDS)


def pushed(allreduce: NetworkAllReduce, worker: int, first: int, timeout: float = 30.0) -> PushedTable:
    assert allreduce.owners
    return PushedTable(table_of(allreduce, first), allreduce.owners, worker, timeout)


def go_on(
    allreduces: Sequence[NetworkAllReduce],
    first: int,
    last: int,
    staleness: int | None = None,
    stop: Callable[[int, TaskForm], bool] = lambda worker, task: False,
) -> list[TaskForm]:
    """Carry out what is left of a round, by workers with a shard or more each; their last answers.

    ``stop``: tells whether a worker ends before it pushes the sums of a task; the other ones then end, too.
    """
    answers: list[TaskForm] = []
    over = threading.Event()

    def work(worker: int, own: list[int]) -> None:
        table = pushed(allreduces[worker], worker, first)
        table.begin_round(RoundPlan(first, last, SHARDS, staleness), DENSE, NUMBERS)
        while not over.is_set():
            task, _ = table.take(own[:1])  # one shard a task: squares of sums count tasks
            if not task.shards:
                answers.append(task)
                return
            value = sums_of(table, task)
            if stop(worker, task):
                over.set()
                return
            table.push(task, value)

    side_by_side(len(allreduces), work)
    return answers


def counts_of(reducers: Sequence[Reducer]) -> dict[int, int]:
    """By key, how many tasks were applied; owner and follower have the same rows."""
    counts: dict[int, int] = {}
    for reducer in reducers:
        for part in reducer.owner.kept.parts.values():
            arrays = part.table.arrays()
            squares = [arrays["weight"][:, 1], arrays["factors"][:, 2], arrays["factors"][:, 3]]
            assert all(np.array_equal(squares[0], other) for other in squares)
            for key, count in zip(arrays[KEYS].tolist(), squares[0].tolist(), strict=True):
                assert counts.setdefault(key, count) == count
    return counts


def expected(first: int, last: int) -> dict[int, int]:
    """By key, in how many tasks it comes."""
    keys = [keys_of(step, shard) for step in range(first, last) for shard in range(SHARDS)]
    different, counts = np.unique(np.concatenate(keys), return_counts=True)
    return dict(zip(different.tolist(), counts.tolist(), strict=True))
