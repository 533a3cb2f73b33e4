"""Warm start: the first state of a training out of the arrays of an earlier one."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy.typing as npt

from yarnml.learners.base import State
from yarnml.learners.named_arrays import from_tensors

PARAMETERS = "parameters"
WITH_OPTIMIZER = "parameters and the optimizer's state"


class Earlier(NamedTuple):
    """The arrays of an earlier training, by name.

    ``is_model``: those of an exported model; else all of a checkpoint's state.
    """

    arrays: Mapping[str, npt.NDArray[Any]]
    is_model: bool

    def below(self, *path: str) -> dict[str, npt.NDArray[Any]]:
        """The arrays of a part of the state, or of the model, by their names in it."""
        start = "".join(f"{name}/" for name in path)
        return {name.removeprefix(start): array for name, array in self.arrays.items() if name.startswith(start)}

    def tree(self, like: Any, *path: str) -> Any:
        """A part of the state as a pytree of the form of ``like``; KeyError or ValueError where it has another one."""
        return from_tensors(like, self.below(*path))


class Started(NamedTuple):
    """A first state, and what of the earlier training is in it, in words."""

    state: State
    content: str


@runtime_checkable
class WarmStart(Protocol):
    """A learner that can begin from a model, or from the state of an earlier training."""

    def started(self, state: State, earlier: Earlier) -> Started:
        """The first state with what fits of ``earlier``; ``state``: the first state without it.

        KeyError or ValueError, which name an array, where the parameters are none of this learner.
        """
