"""The newest state of a training, and with a delay those before it at which sums are still computed."""

from collections import deque
from typing import Any

import numpy.typing as npt

from yarnml.learners.base import State
from yarnml.learners.named_arrays import from_tensors, tensors

OLDER = "older"
"""The names of older states' arrays begin with it: ``older/1/…`` is the one before the newest."""


class RecentStates:
    """The states after the newest updates, ``delay`` + 1 of them at most.

    The sums of step t are computed at the state after t - ``delay`` updates, and they update the state after t updates:
    stale-synchronous training in which every step has the same staleness (Ho et al., "More Effective Distributed ML via
    a Stale Synchronous Parallel Parameter Server", NIPS 2013).  The first steps after `drain` are computed at the state
    that it left.  So a position in the training is these states; what is on its way can be computed again.
    """

    def __init__(self, first: State, delay: int) -> None:
        self._delay = delay
        self._states: deque[State] = deque([first], maxlen=delay + 1)

    @property
    def newest(self) -> State:
        return self._states[-1]

    @newest.setter
    def newest(self, state: State) -> None:
        """Put another state into the place of all."""
        self._states.clear()
        self._states.append(state)

    def at(self, ahead: int) -> State:
        """The state at which sums are computed of the step that is so many steps after the newest state's."""
        return self._states[max(0, ahead - self._delay + len(self._states) - 1)]

    def push(self, state: State) -> None:
        """Take in the state after one more update."""
        self._states.append(state)

    def drain(self) -> None:
        """Let go of all states but the newest one."""
        self.newest = self.newest

    def older_tensors(self) -> dict[str, npt.NDArray[Any]]:
        """The arrays of all states but the newest one, by name."""
        return tensors({OLDER: {str(age): state for age, state in self._older()}}) if len(self._states) > 1 else {}

    def load(self, newest: State, arrays: dict[str, npt.NDArray[Any]]) -> None:
        """Take over a state and the older ones among these arrays; KeyError or ValueError where they are none."""
        ages = sorted({int(name.split("/")[1]) for name in arrays if name.startswith(f"{OLDER}/")}, reverse=True)
        older = from_tensors({OLDER: {str(age): newest for age in ages}}, arrays)[OLDER] if ages else {}
        self._states.clear()
        self._states.extend([*(older[str(age)] for age in ages), newest])

    def _older(self) -> list[tuple[int, State]]:
        return [(len(self._states) - 1 - n, state) for n, state in enumerate(self._states)][:-1]
