"""The log of a process: what it writes to standard error."""

import contextlib
import sys


def log(*lines: str) -> None:
    """Write lines into the log.

    A line that can't be written, as on a full disk, is dropped: no reason to fail or to hang.
    """
    with contextlib.suppress(OSError):
        print(*lines, sep="\n", file=sys.stderr, flush=True)
