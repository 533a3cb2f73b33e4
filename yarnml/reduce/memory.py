"""The exchange of a worker that holds every shard: no one to talk to, the same additions."""

from collections.abc import Mapping

from yarnml.errors import WorkerLost
from yarnml.reduce.base import Late, never
from yarnml.reduce.reducer import StepKey
from yarnml.reduce.routing import Routes
from yarnml.reduce.tree import Node, Value, root


class MemoryAllReduce:
    def begin(self, routes: Routes) -> None:
        if routes.reducers:
            raise WorkerLost("A worker without transport can't use reducers of their own.")

    def reduce(self, key: StepKey, parts: Mapping[Node, Value], shards: int, late: Late = never) -> Value:
        return parts[root(shards)]

    def abandon(self, generation: int) -> None:
        pass

    def publish(self, step: int, state: bytes | bytearray) -> None:
        pass

    def fetch(self, address: str, step: int) -> bytes:
        raise WorkerLost("A worker without transport has nobody to fetch a state from.")

    def close(self) -> None:
        pass
