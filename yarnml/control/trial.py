"""A trial: some steps of a training on its first shard, which show what a step of the whole training costs."""

from yarnml.control.commands import Initialize
from yarnml.control.message import Message
from yarnml.data.schema import Schema

EXCHANGED_NUMBERS = 1 << 21
"""The float32 numbers of a sum that a trial makes to see what the machine needs for an exchange."""


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
        exchange: processor seconds of two workers of this machine for a sum of `EXCHANGED_NUMBERS`; 0: not measured.
    """

    parameters: int
    steps: int
    numbers: int
    sum_bytes: int
    seconds: dict[str, float]
    memory: int
    exchange: float = 0.0


class TrialRefused(Message, frozen=True):
    """No step could be made; ``why``: a sentence."""

    why: str
