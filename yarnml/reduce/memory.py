"""The all-reduce of a worker that has every shard: no other process, the same additions."""

from collections.abc import Mapping

from yarnml.errors import WorkerLost
from yarnml.reduce.base import MoreParts, no_more_parts
from yarnml.reduce.owners import Owners
from yarnml.reduce.reducer import StepKey
from yarnml.reduce.routing import Routes
from yarnml.reduce.state_transfer import STATE
from yarnml.reduce.tree import Node, Value, root


class MemoryAllReduce:
    """An `yarnml.reduce.base.AllReduce` for one worker: the combined parts are the total."""

    owners: Owners | None = None

    def __init__(self) -> None:
        self._totals: dict[StepKey, Value] = {}

    def begin(self, routes: Routes) -> None:
        if routes.reducers:
            raise WorkerLost("A worker without transport can't use reducers of their own.")

    def start(self, key: StepKey, parts: Mapping[Node, Value], shards: int, delay: int = 0) -> None:
        self._totals[key] = parts[root(shards)]

    def wait(self, key: StepKey, more_parts: MoreParts = no_more_parts) -> Value:
        return self._totals.pop(key)

    def reduce(self, key: StepKey, parts: Mapping[Node, Value], shards: int) -> Value:
        return parts[root(shards)]

    def abort_before(self, generation: int) -> None:
        pass

    def publish(self, step: int, state: bytes | bytearray, name: str = STATE) -> None:
        pass

    def fetch(self, address: str, step: int, name: str = STATE) -> bytes:
        raise WorkerLost("A worker without transport has nobody to fetch a state from.")

    def close(self) -> None:
        pass
