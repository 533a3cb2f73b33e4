"""An exchange: every worker brings parts of a sum, every worker leaves with the total."""

from collections.abc import Callable, Mapping
from typing import Protocol

from yarnml.reduce.reducer import StepKey
from yarnml.reduce.routing import Routes
from yarnml.reduce.tree import Node, Value

Late = Callable[[float], Mapping[Node, Value]]
"""Asked again and again while totals are late, with the seconds waited so far: further parts to give."""


def never(waited: float) -> Mapping[Node, Value]:
    """Nothing else to give."""
    return {}


class AllReduce(Protocol):
    """One worker's end of the reduce phase."""

    def begin(self, routes: Routes) -> None:
        """Use these ways from now on."""

    def reduce(self, key: StepKey, parts: Mapping[Node, Value], shards: int, late: Late = never) -> Value:
        """Give this worker's subtrees of one sum; wait for the total over all shards.

        All values have one form: a length and a dtype, or those of both pieces of a `MixedVector`.
        The result is valid until the next call.
        Raises WorkerLost when a reducer is gone or the total does not come in time, TooLate when it is gone already.
        """

    def abandon(self, generation: int) -> None:
        """Meetings before this one are over: end the wait for their totals.  May be called by another thread."""

    def publish(self, step: int, state: bytes | bytearray) -> None:
        """Keep the state after ``step`` for other workers to fetch, in the place of an older one."""

    def fetch(self, address: str, step: int) -> bytes:
        """The state after ``step`` from the worker at ``address``; waits until that has it.  Raises WorkerLost."""

    def close(self) -> None:
        """Hang up."""
