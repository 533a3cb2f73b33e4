"""The log of a process: what it writes to standard error."""

import contextlib
import sys
import threading
import traceback
from types import TracebackType

from yarnml.events.redaction import redacted


def log(*lines: str) -> None:
    """Write lines into the log, without secrets.

    A line that can't be written, as on a full disk, is dropped: no reason to fail or to hang.
    """
    with contextlib.suppress(OSError):
        print(*map(redacted, lines), sep="\n", file=sys.stderr, flush=True)


def log_what_nobody_catches() -> None:
    """Have the traceback of what ends a thread, or this process, go through `log`: it may quote a secret."""

    def of_process(kind: type[BaseException], exc: BaseException, place: TracebackType | None) -> None:
        log("".join(traceback.format_exception(kind, exc, place)).rstrip())

    def of_thread(end: threading.ExceptHookArgs) -> None:
        if end.exc_value and not isinstance(end.exc_value, SystemExit):
            of_process(end.exc_type, end.exc_value, end.exc_traceback)

    sys.excepthook = of_process
    threading.excepthook = of_thread
