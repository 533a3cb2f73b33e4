"""The Hadoop that the tests of one name share."""

from contextlib import ExitStack

from tests.hadoop import QUICK, QUICK_INSIDE, Hadoop, hadoop


class Shared:
    """The Hadoop of one process of a test session: of the tests of one name at a time."""

    def __init__(self) -> None:
        self.name = ""  # that of the mark ``cluster`` of the test that ran last on it
        self._running: Hadoop | None = None
        self._stack = ExitStack()

    def get(self) -> Hadoop:
        """Return the running Hadoop; the first call starts it."""
        if self._running is None:
            self._running = self._stack.enter_context(hadoop(QUICK, QUICK_INSIDE))
        return self._running

    def close(self) -> None:
        """End the Hadoop, if one runs."""
        self._running = None
        self.name = ""
        self._stack.close()


SHARED = Shared()
