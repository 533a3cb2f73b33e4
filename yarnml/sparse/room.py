"""A forecast before a training: how many keys the memory of the processes that keep its table has room for."""

from math import sqrt

from yarnml.job.fields import size_in_bytes
from yarnml.job.learners import TableLearnerOptions
from yarnml.job.prepare import Key
from yarnml.job.spec import Job
from yarnml.sparse.growing import GROWTH
from yarnml.sparse.index import SLOT_BYTES, slots_for
from yarnml.sparse.rules import rule_of

REDUCER_BYTES = 288 * 2**20
WORKER_BYTES = 640 * 2**20
"""Memory that a process takes without a table and without rows of the data: Python and its libraries, and a batch."""

KEY_BYTES = 8
AGE_BYTES = 4


def row_bytes(options: TableLearnerOptions, fields: int, *, has_ages: bool = False) -> int:
    """The bytes of a key's row, by its rules: itself, its numbers and its age.

    ``fields``: columns that become keys.
    ``has_ages``: it is kept in which step each came last.
    """
    numbers = sum(rule_of(rule).stored(width) for rule, width in options.row(fields))
    return KEY_BYTES + 4 * numbers + (AGE_BYTES if has_ages else 0)


def table_bytes(keys: int, row: int) -> int:
    """The memory of a table of so many keys, with ``row`` bytes each: its index, and arrays that are partly empty.

    Of many keys it is right to a fifth: arrays are full, or have just grown, and this is between.
    """
    return SLOT_BYTES * slots_for(keys) + int(sqrt(GROWTH) * row * keys)


def most_bytes(keys: int, row: int) -> int:
    """The memory of a table of so many keys when its arrays have just grown."""
    return SLOT_BYTES * slots_for(keys) + int(GROWTH * row * keys)


def most_keys(memory: int, row: int, copies: int) -> int:
    """The most keys of a part that a process has memory for: ``copies`` of the part, and its rows twice more in files.

    That much it has while it writes a checkpoint.
    """
    low = 0
    high = max(0, memory) // row + 1
    while high - low > 1:
        keys = (low + high) // 2
        if copies * most_bytes(keys, row) + 2 * row * keys <= memory:
            low = keys
        else:
            high = keys
    return low


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
    row = row_bytes(job.learner, fields, has_ages=has_ages)
    keepers = (reducers or job.workers.count) if sharded else 1
    copies = 1 + job.reducers.followers if keepers > 1 else 1
    keys = most_keys(free, row, copies)
    field = "reducers.memory" if reducers else "workers.memory"
    place = f"{keepers} parts of {memory}" if sharded else f"{memory} in every worker"
    sentence = f"{field}, {place}, has room for {keys * keepers:,} keys of the table"
    if not keys:
        return sentence
    twice = ", in two processes" if copies > 1 else ""
    held = copies * table_bytes(keys, row) / keys
    return f"{sentence}: {held:.0f} bytes for each{twice}, and {2 * row} while a checkpoint is written"
