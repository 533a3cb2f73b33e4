"""An exchange: every worker brings parts of a sum, every worker leaves with the total."""

from collections.abc import Mapping
from typing import Protocol

from yarnml.reducer import StepKey
from yarnml.tree import Node, Vector


class Exchange(Protocol):
    """One worker's end of the reduce phase."""

    def meet(self, reducers: list[str], workers: int) -> None:
        """Use these reducers from now on, in this order; ``workers`` take part."""

    def reduce(self, key: StepKey, parts: Mapping[Node, Vector], shards: int) -> Vector:
        """Give this worker's subtrees of one sum; wait for the total over all shards.

        All vectors have the same length and dtype.  The result is valid until the next call.
        Raises WorkerLost when a reducer is gone or the total does not come in time.
        """

    def abandon(self, meeting: int) -> None:
        """Meetings before this one are over: end the wait for their totals.  May be called by another thread."""

    def close(self) -> None:
        """Hang up."""
