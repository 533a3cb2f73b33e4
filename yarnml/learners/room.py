"""Learners whose state has room for what is still to come, which need not be stored."""

from typing import Any, Protocol, runtime_checkable

from yarnml.learners.base import State


@runtime_checkable
class HasRoom(Protocol):
    """A learner whose state has such room."""

    def without_room(self, state: State) -> State:
        """The state without it: some of its arrays are cut behind what they hold, where else they are as they begin."""


def without_room(learner: Any, state: State) -> State:
    """The state of any learner without room that nothing is in yet."""
    return learner.without_room(state) if isinstance(learner, HasRoom) else state
