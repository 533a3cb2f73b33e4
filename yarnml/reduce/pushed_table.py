"""A table in an asynchronous round, as a worker has it: it takes tasks, pulls weights, and pushes sums.

The keys of a task are asked for in one message to each owner, and its sums go out in one.  The other end is
`yarnml.reduce.pushes`.
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from yarnml.data.arrays import Array, Matrix
from yarnml.errors import WorkerLost
from yarnml.reduce.asked_rows import ask_rows, by_block
from yarnml.reduce.block_form import BlockForm
from yarnml.reduce.frozen import numbers_of
from yarnml.reduce.keyed import KeyedVector, bytes_of, first_key
from yarnml.reduce.owned_table import MAX_ANSWER_BYTES, OwnedTable
from yarnml.reduce.owners import Owners, Question
from yarnml.reduce.push_wire import BeginRound, DenseForm, Pull, Push, TakeTask, TaskForm
from yarnml.reduce.pushes import FIRST
from yarnml.sparse.block import Block
from yarnml.sparse.run import Keys


class RoundPlan(NamedTuple):
    """The steps ``first`` … ``last`` - 1 of all ``shards``; ``staleness``: see `yarnml.reduce.task_queue.TaskQueue`."""

    first: int
    last: int
    shards: int
    staleness: int | None


class PushedTable(OwnedTable):
    """A table at the weights that its owners have just now.

    ``worker``: this worker's index.
    ``timeout``: seconds that others may take for a task.
    """

    def __init__(self, table: OwnedTable, owners: Owners, worker: int, timeout: float) -> None:
        super().__init__(table.blocks, owners, table.policy)
        self._worker = worker
        self._timeout = timeout
        self._seen: dict[int, int] = {}  # part → the tasks whose sums the oldest weights had that belong to this task

    def begin_round(self, plan: RoundPlan, dense: Sequence[tuple[Block, int]], numbers: Array) -> Array:
        """Have all parts take sums from now on; tells which steps all of them have: bool [shards, steps].

        ``dense``: what of the model belongs to no key, and ``numbers``: what is kept of it at the first step.
        """
        owners = self._owners
        shape = plan.shards, plan.last - plan.first
        rest = [(n, address) for n, part in enumerate(owners.parts) if n != FIRST for address in part.addresses]
        begin = partial(BeginRound, owners.generation, first=plan.first, last=plan.last, shards=plan.shards)
        replies = owners.ask([(address, Question(begin(number=number))) for number, address in rest])
        masks = [numbers_of(reply, np.dtype(np.uint8)).reshape(shape) for reply in replies]
        everywhere = np.logical_and.reduce([np.ones(shape, bool), *masks])
        somewhere = np.logical_or.reduce([np.zeros(shape, bool), *masks])
        forms = [DenseForm(BlockForm.of(block), size) for block, size in dense]
        first = begin(number=FIRST, dense=forms, staleness=plan.staleness)
        pieces = [numbers.view(np.uint8), everywhere.astype(np.uint8), somewhere.astype(np.uint8)]
        values = np.concatenate([piece.reshape(-1) for piece in pieces])
        replies = owners.ask([(address, Question(first, values)) for address in owners.parts[FIRST].addresses])
        return everywhere & numbers_of(replies[0], np.dtype(np.uint8)).reshape(shape).astype(bool)

    def take(self, own: Sequence[int]) -> tuple[TaskForm, Array]:
        """The next task, and what is kept of the parameters without keys; the sums of the one before are everywhere.

        ``own``: the shards of this worker.
        """
        request = TakeTask(self._owners.generation, self._worker, [*own], self._timeout)
        (reply,) = self._owners.ask([(self._owners.parts[FIRST].owner, Question(request))])
        task = reply.answer.task
        if task is None:
            raise WorkerLost("An owner of the table was asked for a task, and gave none.")
        self._seen = {FIRST: task.pushed}
        if reply.values is None:
            return task, np.empty(0, np.float32)
        return task, numbers_of(reply, np.dtype(np.float32)).copy()

    def weights(self, keys: Keys, *, unknown_as_first: bool) -> dict[str, Matrix]:
        """The weights of ascending keys, as those have them that own them; unknown keys as if they got a row now."""
        rows = np.empty((len(keys), self.width), np.float32)
        size = max(1, MAX_ANSWER_BYTES // rows.strides[0])
        request = partial(Pull, self._owners.generation)
        for low in range(0, len(keys), size):
            answers = ask_rows(self._owners, keys[low : low + size], rows[low : low + size], request)
            for number, answer in answers.items():
                self._seen[number] = min(self._seen.get(number, answer.pushed), answer.pushed)
        return by_block(self.blocks, rows)

    def push(self, task: TaskForm, value: KeyedVector) -> None:
        """Give the sums of a task to all owners: those of its keys, and to the first part those without keys, too."""
        parts = self._owners.parts
        questions = []
        for number, part in enumerate(parts):
            run = value.run.between(first_key(number, len(parts)), first_key(number + 1, len(parts)))
            dense = np.require(value.dense, np.float32) if number == FIRST else np.empty(0, np.float32)
            push = Push(
                self._owners.generation,
                number,
                task.step,
                task.shards,
                self._seen.get(number, NOTHING_SEEN),
                len(run.keys),
                run.width,
                len(dense),
                self._timeout,
            )
            questions.append((part.owner, Question(push, np.concatenate([bytes_of(run), dense.view(np.uint8)]))))
        self._owners.ask(questions)


NOTHING_SEEN = 2**62
"""In the place of how many tasks a part had, where none of its weights was needed: the sums have no key of it."""
