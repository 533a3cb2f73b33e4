"""The ``yarnml`` command in the tests' own process, for the many cases that end before anything trains."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def command_line(*arguments: str | Path) -> Iterator[None]:
    """Have ``main()`` see these arguments; what it sets for its whole process is put back."""
    line = sys.argv
    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    hooks = sys.excepthook, threading.excepthook
    sys.argv = ["yarnml", *map(str, arguments)]
    try:
        yield
    finally:
        sys.argv = line
        sys.excepthook, threading.excepthook = hooks
        for number, handler in handlers.items():
            signal.signal(number, handler)
