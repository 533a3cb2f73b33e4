"""The units of a learner's loss: those of the label to the power with which the loss grows with the error."""

from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class LossDegree(Protocol):
    """A learner that says with which power of the error its loss grows; it is the square for all others."""

    loss_degree: int


def degree_of(learner: Any) -> int:
    """The power of the error with which the loss of a learner grows."""
    return learner.loss_degree if isinstance(learner, LossDegree) else 2
