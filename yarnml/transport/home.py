"""What a process has to offer to the others: sums at two levels, and its state."""

from dataclasses import dataclass, field

from yarnml.reducer import Reducer
from yarnml.relay import Relay
from yarnml.transport.peers import Shelf


@dataclass(frozen=True)
class Home:
    """Put on the network by a `yarnml.transport.server.ReducerServer`."""

    reducer: Reducer = field(default_factory=Reducer)
    relay: Relay = field(default_factory=Relay)
    shelf: Shelf = field(default_factory=Shelf)

    def close(self, reason: str) -> None:
        """Nobody gets a total any more; who waits for one is told the reason."""
        self.reducer.close(reason)
        self.relay.close(reason)
