"""A forecast before a training: how many keys the memory of the processes that keep its table has room for."""

from typing import NamedTuple

from yarnml.job.fields import size_in_bytes
from yarnml.job.learners import TableLearnerOptions
from yarnml.job.prepare import Key
from yarnml.job.spec import Job
from yarnml.sparse.rules import rule_of

REDUCER_BYTES = 288 * 2**20
WORKER_BYTES = 640 * 2**20
"""Memory that a process takes without a table and without rows of the data: Python and its libraries, and a batch."""


class KeyBytes(NamedTuple):
    """Bytes of a key.

    ``smallest``, ``largest``: where the table is kept, as arrays and index have just doubled or are full.
    ``copied``: besides, while a checkpoint is written.
    """

    smallest: int
    largest: int
    copied: int


def key_bytes(options: TableLearnerOptions, fields: int, *, has_ages: bool = False) -> KeyBytes:
    """The memory of a key, by its rules: itself, its place in the index, its numbers, and its age.

    ``fields``: columns that become keys.
    ``has_ages``: it is kept in which step each came last.
    """
    numbers = 4 * sum(rule_of(rule).stored(width) for rule, width in options.row(fields))
    numbers += 4 if has_ages else 0
    return KeyBytes(8 + 24 + numbers, 16 + 48 + 2 * numbers, 2 * (8 + numbers))


def room(job: Job) -> str:
    """A sentence about the keys that a job's memory has room for; empty where its learner has no table."""
    if not isinstance(job.learner, TableLearnerOptions):
        return ""
    sharded = job.training.state == "sharded"
    reducers = job.reducers.count if sharded else 0
    if reducers:
        memory = job.reducers.memory
        free = size_in_bytes(memory) - REDUCER_BYTES
    else:
        memory = job.workers.memory
        free = size_in_bytes(memory) - WORKER_BYTES - size_in_bytes(job.workers.cache)
    steps = [step for step in job.data.prepare if isinstance(step, Key)]
    crosses = {tuple(cross) for step in steps for cross in step.crosses}
    fields = sum(len(step.columns) for step in steps) + len(crosses)
    has_ages = job.learner.max_age is not None or job.checkpoint.full_every > 1
    size = key_bytes(job.learner, fields, has_ages=has_ages)
    keepers = (reducers or job.workers.count) if sharded else 1
    copies = 1 + job.reducers.followers if keepers > 1 else 1
    smallest = copies * size.smallest + size.copied
    largest = copies * size.largest + size.copied
    field = "reducers.memory" if reducers else "workers.memory"
    place = f"{keepers} parts of {memory}" if sharded else f"{memory} in every worker"
    keys = max(0, free) // largest * keepers
    twice = ", which two processes keep," if copies > 1 else ""
    cost = f"{smallest} to {largest} bytes for each key{twice} while a checkpoint is written"
    return f"the table takes {cost}: {field}, {place}, has room for {keys:,} keys"
