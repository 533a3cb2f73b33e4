"""The law of the fuzz suite: a command ends in time, with a known status and at most one sentence; nothing is left."""

import contextlib
import io
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tests.command_line import command_line
from yarnml.cli import main

DEADLINE_SECONDS = 60
"""Time in which any input must be answered, on the slowest machine."""

STATUSES = {0, 1, 2, 130}


class Ended(NamedTuple):
    status: Any
    out: str
    err: str


class Hung(BaseException):
    """The deadline has passed."""


@contextlib.contextmanager
def deadline() -> Iterator[None]:
    """End a block that hangs, wherever it waits; an alarm that was set before comes when it would have."""

    def end(number: int, frame: Any) -> None:
        raise Hung

    began = time.monotonic()
    before = signal.signal(signal.SIGALRM, end)
    left, _ = signal.setitimer(signal.ITIMER_REAL, DEADLINE_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if left:  # the alarm of pytest-timeout, for the whole test
            signal.setitimer(signal.ITIMER_REAL, max(0.001, left - (time.monotonic() - began)))


def command(*arguments: str | Path) -> Ended:
    """Run ``yarnml …`` in this process, and hold its end to the law."""
    out = io.StringIO()
    err = io.StringIO()
    status: Any = None
    try:
        with command_line(*arguments), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), deadline():
            main()
    except SystemExit as exc:
        status = exc.code
    ended = Ended(status, out.getvalue(), err.getvalue())
    check(ended)
    return ended


def check(ended: Ended) -> None:
    """Hold the end of a command to the law."""
    assert ended.status in STATUSES, ended
    assert "Traceback" not in ended.out + ended.err, ended
    if ended.status:
        assert ended.err.startswith("error: "), ended
        assert ended.err.count("\n") == 1, ended
        assert ended.err.isprintable() or ended.err[:-1].isprintable(), ended


def contents(folder: Path) -> set[str]:
    """Everything below a folder."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}
