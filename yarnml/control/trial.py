"""A trial: some steps of a training on its first shard, which show what a step of the whole training costs."""

from yarnml.control.commands import Initialize
from yarnml.control.message import Message
from yarnml.data.schema import Schema


class TrialOrder(Message, frozen=True):
    """Train a few steps; nothing is stored.

    ``schema``: as it is before any pass over the data.
    """

    initialize: Initialize
    schema: Schema


class TrialReport(Message, frozen=True):
    """The answer: facts of the steps after the first, which has the compiler in it, by a worker with one shard.

    Attributes:
        parameters: numbers in the model.
        steps: of one epoch.
        numbers: of the sums of a shard, by which their route is chosen.
        sum_bytes: that these take.
        seconds: of a step, by phase.
        memory: the most bytes that the process had.
    """

    parameters: int
    steps: int
    numbers: int
    sum_bytes: int
    seconds: dict[str, float]
    memory: int


class TrialRefused(Message, frozen=True):
    """No step could be made; ``why``: a sentence."""

    why: str
