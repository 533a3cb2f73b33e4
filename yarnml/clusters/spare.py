"""The fork server of a job that has ended, kept a while for the next job of this process, as in a notebook."""

import atexit
import threading
from collections.abc import Mapping

from yarnml.clusters.fork_client import ForkClient, Origin

KEPT_SECONDS = 120.0
"""Longest time that a server without work is kept: it holds some 150 MB."""


class SpareServer:
    """At most one server without work.  Several threads may run jobs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._server: ForkClient | None = None
        self._timer = threading.Timer(0.0, self.close)
        atexit.register(self.close)

    def take(self, variables: Mapping[str, str]) -> ForkClient:
        """Return a server with this environment: the spare one where it fits, else a new one.  Raises OSError."""
        spare = self._replace(None)
        if spare and spare.origin == Origin.of_caller(variables) and spare.is_idle:
            return spare
        if spare:
            spare.close()
        return ForkClient(variables)

    def start(self, variables: Mapping[str, str], loops: str = "") -> None:
        """Have a server with this environment and these loops ready for whoever takes it next.  Raises OSError."""
        server = self.take(variables)
        server.load(loops)
        self.give_back(server)

    def give_back(self, server: ForkClient) -> None:
        """Keep a server for the next job; end it where it still has work, or has ended."""
        unwanted = self._replace(server) if server.is_idle else server
        if unwanted:
            unwanted.close()

    def close(self) -> None:
        """End the spare server."""
        if spare := self._replace(None):
            spare.close()

    def _replace(self, server: ForkClient | None) -> ForkClient | None:
        """Put a server in the place of the spare one, which is returned."""
        with self._lock:
            self._timer.cancel()
            if server:
                self._timer = threading.Timer(KEPT_SECONDS, self.close)
                self._timer.daemon = True  # the end of this process does not wait for it
                self._timer.start()
            spare = self._server
            self._server = server
        return spare


SPARE = SpareServer()
"""That of this process."""
