"""The newest state of a training, and with a delay those before it at which sums are still computed."""

from collections import deque
from typing import Any

import numpy as np
import numpy.typing as npt

from yarnml.learners.base import State
from yarnml.learners.named_arrays import on_host, tensors
from yarnml.learners.tables.base import TableState
from yarnml.worker.sharded_program import ShardedState
from yarnml.worker.state_arrays import OLDER, older_states

_HAS_TABLE = (TableState, ShardedState)

PRESENCE = "presence"
"""The name of an empty array that tells of an older state: where owners have all of it, the state has no other."""


class RecentStates:
    """The states after the newest updates, ``delay`` + 1 of them at most.

    The sums of step t are computed at the state after t - ``delay`` updates, and they update the state after t updates:
    stale-synchronous training in which every step has the same staleness (Ho et al., "More Effective Distributed ML via
    a Stale Synchronous Parallel Parameter Server", NIPS 2013).  The first steps after `drain` are computed at the state
    that it left.  So a position in the training is these states; what is on its way can be computed again.

    A table is changed in place, so all states have the same one, which remembers the rows before its newest updates.
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
        number = max(0, ahead - self._delay + self.older)
        state = self._states[number]
        updates = self.older - number
        return state._replace(table=state.table.before(updates)) if updates and isinstance(state, _HAS_TABLE) else state

    def push(self, state: State) -> None:
        """Take in the state after one more update."""
        self._states.append(state)

    def drain(self) -> None:
        """Let go of all states but the newest one."""
        self.newest = self.newest
        if isinstance(self.newest, _HAS_TABLE):
            self.newest.table.forget()

    @property
    def older(self) -> int:
        """The number of states beside the newest one."""
        return len(self._states) - 1

    def older_tensors(self) -> dict[str, npt.NDArray[Any]]:
        """The arrays of all states but the newest one, by name, but for those of their table."""
        older = {str(age): _without_table(state) for age, state in self._older()}
        in_parts = isinstance(self.newest, ShardedState)
        presence = {f"{OLDER}/{age}/{PRESENCE}": np.zeros(0, np.uint8) for age in older if in_parts}
        return presence | tensors({OLDER: older}) if older else {}

    def load(self, newest: State, arrays: dict[str, npt.NDArray[Any]]) -> None:
        """Take over a state and the older ones among these arrays; KeyError or ValueError where they are none."""
        older = older_states(_without_table(newest), arrays)
        self._states.clear()
        self._states.extend([*(_with_table_of(newest, state) for state in reversed(older)), newest])

    def _older(self) -> list[tuple[int, State]]:
        return [(self.older - n, state) for n, state in enumerate(self._states)][:-1]


def _without_table(state: State) -> Any:
    """A state but for its table, as it is stored."""
    if isinstance(state, ShardedState):
        return state.rest
    return state._replace(table=None) if isinstance(state, TableState) else state


def _with_table_of(newest: State, state: Any) -> State:
    """A state that was restored without its table; that of the newest one is its own, too."""
    if isinstance(newest, ShardedState):
        return ShardedState(state, newest.table)
    return on_host(state)._replace(table=newest.table) if isinstance(newest, TableState) else state
