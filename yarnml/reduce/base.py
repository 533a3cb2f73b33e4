"""The protocol of an all-reduce: every worker brings parts of a sum, every worker leaves with the total."""

from collections.abc import Callable, Mapping
from typing import Protocol

from yarnml.reduce.owners import Owners
from yarnml.reduce.reducer import StepKey
from yarnml.reduce.routing import Routes
from yarnml.reduce.state_transfer import STATE
from yarnml.reduce.tree import Node, Value

MoreParts = Callable[[float], Mapping[Node, Value]]
"""Seconds waited for a total so far → further parts to give, such as those of backup tasks.

It is called again and again while the total is late.
"""


def no_more_parts(waited: float) -> Mapping[Node, Value]:
    """Give nothing, however long the total takes: a `MoreParts` of a caller without backup tasks."""
    return {}


class AllReduce(Protocol):
    """One worker's end of the reduce phase.

    ``owners``: the way to processes that keep a table; None where this one keeps all of it.
    """

    owners: Owners | None

    def begin(self, routes: Routes) -> None:
        """Send parts along these routes from now on."""

    def start(self, key: StepKey, parts: Mapping[Node, Value], shards: int, delay: int = 0) -> None:
        """Give this worker's subtrees of one sum, whose total comes while it computes.

        ``parts``: subtree → its value.  All values have one layout: a length and a dtype, or those of both pieces of a
        `MixedVector`.  They must not change before the total is here.
        ``shards``: the number of shards of the whole sum.
        ``delay``: how many later sums every worker may start before it waits for this one.
        Raises WorkerLost when a reducer can't be reached.
        """

    def wait(self, key: StepKey, more_parts: MoreParts = no_more_parts) -> Value:
        """Wait for the total of a sum that was started; the totals of a generation are waited for in order.

        It is valid until the next sum is started, which may use its memory.
        Raises WorkerLost when a reducer is gone or the total does not come in time, StepExpired when the step is over.
        """

    def reduce(self, key: StepKey, parts: Mapping[Node, Value], shards: int) -> Value:
        """Start a sum and wait for its total."""

    def abort_before(self, generation: int) -> None:
        """End the wait for totals of generations before this one.  May be called by another thread."""

    def publish(self, step: int, state: bytes | bytearray, name: str = STATE) -> None:
        """Offer the state after ``step`` to other workers, in the place of an older one of this name."""

    def fetch(self, address: str, step: int, name: str = STATE) -> bytes:
        """Get the state after ``step`` from the worker at ``address``; wait until that has it.  Raises WorkerLost.

        May be called by another thread.
        """

    def close(self) -> None:
        """Close all connections."""
