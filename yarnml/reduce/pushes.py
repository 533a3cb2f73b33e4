"""Asynchronous rounds: workers pull weights and push sums, and owners apply what comes when it comes.

A worker takes a task from the owner of the first part, pulls the weights of its keys from all owners, pushes its sums
to all of them, and takes the next task.  Each part notes which steps of which shards it has, so the sums of a task
count once, whoever sends them again.  Followers carry out the same pushes in the same order, a little later.

Nothing of a round is lost with a worker: its task is given to another one.  Of a lost owner the follower has all but
the newest pushes, and their tasks are computed again for that part alone.
"""

import time

import numpy as np

from yarnml.data.arrays import Array, Matrix
from yarnml.errors import WorkerLost, YarnmlError
from yarnml.reduce.kept_parts import KeptParts, PartOfTable
from yarnml.reduce.keyed import run_of
from yarnml.reduce.owner import Forward
from yarnml.reduce.part_round import PartRound
from yarnml.reduce.push_wire import BeginRound, FollowPush, Pull, Push, TakeTask, TaskForm
from yarnml.reduce.task_queue import TaskQueue
from yarnml.sparse.run import Keys

FIRST = 0
"""The part whose owner gives the tasks, and has the parameters that belong to no key."""

MAX_UNFOLLOWED = 8
"""Pushes that an owner is ahead of a follower at most."""

ALIVE_SECONDS = 1.0
"""Time between two looks, during a wait, whether the round goes on."""


class Pushes:
    """The asynchronous rounds of the parts that a process keeps; any thread may call.

    ``forward``: the way to followers.
    """

    def __init__(self, kept: KeptParts, forward: Forward) -> None:
        self._kept = kept
        self._forward = forward

    def begin(self, begin: BeginRound, values: Array) -> Array:
        """Begin a round, or go on with it in another generation; tells which tasks the part has: uint8, flat.

        ``values``: the bytes behind the request.
        """
        kept = self._kept
        with kept.changed:
            kept.refuse_older(begin.generation, f"The round of step {begin.first}")
            round = kept.part(begin.number).round
            if round is None or round.first != begin.first:
                kept.wait_until_after(begin.first, begin.number)
                part = kept.after(begin.first, begin.number)
                round = PartRound(begin.first, begin.last, begin.shards)
                kept.parts[begin.number] = part._replace(step=begin.first, round=round)
            if (round.last, len(round.done)) != (begin.last, begin.shards):
                raise WorkerLost(f"The round of step {begin.first} has other steps or shards here.")
            if begin.generation > round.generation:
                round.open(begin.generation)
                if begin.number == FIRST:
                    _open_first(round, begin, values)
            return round.done.astype(np.uint8).reshape(-1)

    def take(self, take: TakeTask) -> tuple[TaskForm, Array]:
        """Give a worker its next task, none where all are done, and the numbers of parameters without keys.

        Raises WorkerLost, which names what is awaited, where nobody finishes a task for too long.
        """
        kept = self._kept
        with kept.changed:
            queue = self._queue(take.generation)
            queue.finish(take.worker)
            kept.changed.notify_all()
            deadline = _Deadline(take.seconds)
            while (task := queue.take(take.worker, take.own)) is None and not queue.is_over:
                if deadline.is_over(queue.finished):
                    raise WorkerLost(f"No task was finished for {take.seconds:.0f} s: {queue.taken}.")
                kept.changed.wait(ALIVE_SECONDS)
                queue = self._queue(take.generation)
            round = self._round(FIRST, take.generation)
            step, shards, _ = task or (round.last, [], 0)
            form = TaskForm(step, shards, round.pushed, round.loss, round.weight, round.staleness)
            return form, round.numbers.copy()

    def pull(self, pull: Pull, keys: Keys) -> tuple[int, Matrix]:
        """The weights of different keys, float32 [keys, width], and the tasks whose sums they have."""
        with self._kept.changed:
            round = self._round(pull.number, pull.generation)
            table = self._kept.part(pull.number).table
            blocks = table.weights(keys, unknown_as_first=True)
            return round.pushed, np.concatenate([blocks[block.name] for block in table.blocks], axis=1)

    def push(self, push: Push, data: Array) -> None:
        """Apply sums, once; their follower does the same a little later."""
        kept = self._kept
        with kept.changed:
            round = self._round(push.number, push.generation)
            deadline = _Deadline(push.seconds)
            while len(round.unfollowed) >= MAX_UNFOLLOWED:
                if deadline.is_over(min(round.unfollowed)):
                    follower = kept.part(push.number).follower
                    raise WorkerLost(f"The follower at {follower} has carried out nothing for {push.seconds:.0f} s.")
                kept.changed.wait(ALIVE_SECONDS)
                round = self._round(push.number, push.generation)
            if round.has(push.step, push.shards):
                return
            part = kept.part(push.number)
            follow = FollowPush(push, round.rate(push.seen))
            _apply(part, round, follow, data)
            if part.follower:
                self._pass_on(part.follower, round, follow, data)

    def _pass_on(self, follower: str, round: PartRound, follow: FollowPush, data: Array) -> None:
        number = round.pushed
        round.unfollowed.add(number)

        def answered(error: YarnmlError | None) -> None:
            with self._kept.changed:
                if round.generation != follow.push.generation:
                    return  # of a generation that is over
                round.unfollowed.discard(number)
                if error is not None:
                    round.failure = str(error)
                self._kept.changed.notify_all()

        self._forward(follower, follow, data, answered)

    def follow(self, follow: FollowPush, data: Array) -> None:
        """Carry out a push as the owner did.  Raises WorkerLost where it comes too late."""
        push = follow.push
        with self._kept.changed:
            part = self._kept.part(push.number)
            if part.round is None or part.round.generation != push.generation:
                raise WorkerLost(f"The sums of step {push.step} are not wanted any more.")
            if not part.round.has(push.step, push.shards):
                _apply(part, part.round, follow, data)
                self._kept.changed.notify_all()

    def _queue(self, generation: int) -> TaskQueue:
        """The tasks of the round.  Raises WorkerLost where it does not go on in this generation."""
        queue = self._round(FIRST, generation).queue
        if queue is None:
            raise WorkerLost("Tasks of a round were asked for where it has not begun.")
        return queue

    def _round(self, number: int, generation: int) -> PartRound:
        """The round of a part.  Raises WorkerLost where it does not go on in this generation."""
        self._kept.refuse_older(generation, "The round")
        round = self._kept.part(number).round
        if round is None or round.generation != generation:
            raise WorkerLost("A round went on where it had not begun.")
        if round.failure:
            raise WorkerLost(round.failure)
        return round


class _Deadline:
    """The end of a wait that begins anew whenever a number changes."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._number: int | None = None
        self._end = 0.0

    def is_over(self, number: int) -> bool:
        if number != self._number:
            self._number = number
            self._end = time.monotonic() + self._seconds
        return time.monotonic() > self._end


def _open_first(round: PartRound, begin: BeginRound, values: Array) -> None:
    """Have the first part keep what belongs to no key, and give the tasks."""
    size = round.done.size
    if values.nbytes < 2 * size or values.nbytes % 4 != 2 * size % 4:
        raise ValueError(f"{values.nbytes} bytes begin no round of {size} tasks")
    dense, masks = np.split(values, [values.nbytes - 2 * size])
    everywhere, somewhere = masks.reshape(2, *round.done.shape).astype(bool)
    round.set_dense([form.block for form in begin.dense], dense.view(np.float32))
    done = round.done & everywhere
    round.queue = TaskQueue(begin.first, done, (round.done | somewhere) & ~done, begin.staleness)


def _apply(part: PartOfTable, round: PartRound, follow: FollowPush, data: Array) -> None:
    """Update the rows of a part, and what it has without keys, by the sums of a task."""
    push = follow.push
    rate = follow.rate
    run, dense = np.split(data, [data.nbytes - 4 * push.dense])
    sums = run_of(run, push.keys, push.width)
    part.table.update(sums, rate, round.note(push.step, push.shards))
    if push.dense:
        round.add(dense.view(np.float32), rate)
