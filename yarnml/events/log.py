"""The log of a process: what it writes to standard error."""

import contextlib
import sys

from yarnml.events.redaction import redacted


def log(*lines: str) -> None:
    """Write lines into the log, without secrets.

    A line that can't be written, as on a full disk, is dropped: no reason to fail or to hang.
    """
    with contextlib.suppress(OSError):
        print(*map(redacted, lines), sep="\n", file=sys.stderr, flush=True)
