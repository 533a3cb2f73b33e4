"""The log of a process: what it writes to standard error."""

import contextlib
import sys


def log(*lines: str) -> None:
    """Write lines into the log.  One that can't be written, on a disk that is full, is no reason to fail or to hang."""
    with contextlib.suppress(OSError):
        print(*lines, sep="\n", file=sys.stderr, flush=True)
