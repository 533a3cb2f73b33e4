"""Messages of asynchronous rounds: workers take tasks, pull weights and push sums; owners pass the sums on.

Numbers may follow a message.  The structs are ``array_like``, as those of `yarnml.reduce.owner_wire`.
"""

from msgspec import Struct

from yarnml.control.staleness import Staleness
from yarnml.reduce.block_form import BlockForm
from yarnml.sparse.block import Block


class DenseForm(Struct, frozen=True, array_like=True):
    """``size`` rows of parameters that belong to no key."""

    form: BlockForm
    size: int

    @property
    def block(self) -> tuple[Block, int]:
        return self.form.block(), self.size


class BeginRound(Struct, frozen=True, array_like=True, tag=True):
    """Take sums of the steps ``first`` … ``last`` - 1 of each of the ``shards`` as they come, in this generation.

    The answer has behind it which of them the part has already, bool [shards, steps].  Behind the first part's message
    are two such arrays, and the parameters of ``dense``: what all other parts have, what some of them have.

    ``staleness``: see `yarnml.reduce.task_queue.TaskQueue`.
    """

    generation: int
    number: int
    first: int
    last: int
    shards: int
    dense: list[DenseForm] = []
    staleness: int | None = None


class TakeTask(Struct, frozen=True, array_like=True, tag=True):
    """Give a worker its next task, and behind the answer the parameters that belong to no key; asked of the first part.

    All parts have the sums of the one that it had before.  ``own``: its shards.
    ``seconds``: that it waits for a task, while nobody finishes one.
    """

    generation: int
    worker: int
    own: list[int]
    seconds: float


class Pull(Struct, frozen=True, array_like=True, tag=True):
    """Give the weights of the keys behind this message, as they are now."""

    generation: int
    number: int
    keys: int


class Push(Struct, frozen=True, array_like=True, tag=True):
    """Update the rows of a part by the sums of a task; behind it a run, then sums for the parameters without keys.

    ``seen``: how many tasks the part had when the weights were pulled.
    ``keys``, ``width``: of the run.  ``dense``: how many numbers are behind it: loss, weight and a gradient, or none.
    ``seconds``: that a follower may be behind.
    """

    generation: int
    number: int
    step: int
    shards: list[int]
    seen: int
    keys: int
    width: int
    dense: int
    seconds: float


class FollowPush(Struct, frozen=True, array_like=True, tag=True):
    """Carry out what the owner of a part has made of a push.  ``rate``: the part of the usual one."""

    push: Push
    rate: float


PushRequest = BeginRound | FollowPush | Pull | Push | TakeTask


class TaskForm(Struct, frozen=True, array_like=True):
    """A task, and the state of the round at the first part.

    ``shards``: none where the round is over.  ``pushed``: tasks of one shard that the part has.
    ``loss``, ``weight``: sums over their rows.
    """

    step: int
    shards: list[int]
    pushed: int
    loss: float
    weight: float
    staleness: Staleness
