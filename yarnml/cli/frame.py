"""The frame of the command line: signals, the one sentence of an error, exit statuses.

The commands are in `yarnml.cli.commands`, which brings libraries: while they load, a Ctrl-C has its sentence, too.
"""

import atexit
import contextlib
import errno
import gc
import os
import signal
import sys
from types import FrameType
from typing import NoReturn

STOPPED = 130
"""The exit status of a command that was stopped: by Ctrl-C, by SIGTERM, or because its terminal is gone."""

_FEW_COLLECTIONS = 50_000, 20, 50
"""Objects before Python looks for garbage, and how often before it looks at older ones: it finds none in libraries."""

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)


class _Signals:
    """Turns the signals that ask for an end into KeyboardInterrupt, and remembers that there was one."""

    def __init__(self) -> None:
        self.came = False

    def listen(self) -> None:
        """Hear signals from now on; those that the parent has switched off, as nohup does, stay so."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
                signal.signal(number, self._interrupt)

    def ignore(self) -> None:
        """Hear no more signals: what is left to do takes a moment."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        self.came = True
        raise KeyboardInterrupt


def main() -> None:
    """Run the command line and exit.

    Exit status: 0 done, 1 the job failed, 2 the job file or the command line is wrong, 75 submit it again, 130 stopped.
    """
    signals = _Signals()
    gc.set_threshold(*_FEW_COLLECTIONS)
    try:
        signals.listen()
        status = _run()
        signals.ignore()
    except BaseException as exc:
        signals.ignore()
        # Libraries turn an interrupted import or call into errors of their own.
        stopped = signals.came or isinstance(exc, KeyboardInterrupt)
        if not stopped and not isinstance(exc, Exception):
            raise
        status = _explain(exc, stopped=stopped)
    _settle_output()
    _end(status)


def _run() -> int:
    """Carry out the command, and see that its output is written."""
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal that lacks a character gets its number
            stream.reconfigure(errors="backslashreplace")
    from yarnml.cli.commands import cli
    from yarnml.events.log import log_what_nobody_catches

    log_what_nobody_catches()
    status = int(cli.main(standalone_mode=False) or 0)
    sys.stdout.flush()
    return status


def _explain(exc: BaseException, *, stopped: bool) -> int:
    """Say in one sentence how the command ended; returns its exit status.  Raises what nobody foresaw."""
    import click

    from yarnml.errors import Interrupted, YarnmlError

    if isinstance(exc, YarnmlError):
        _print("stopped" if isinstance(exc, Interrupted) else "error", str(exc), exc.detail)
        return exc.exit_status
    if stopped or isinstance(exc, click.Abort):
        _print("", "Stopped.")
        return STOPPED
    if isinstance(exc, click.ClickException):
        with contextlib.suppress(OSError):
            exc.show()
        return 2
    if isinstance(exc, BrokenPipeError):  # whoever read it has seen enough, as in `yarnml logs APP | head`
        return 1
    if isinstance(exc, OSError) and exc.errno in _NO_ROOM and exc.filename is None:
        _print("error", f"The output can't be written: {exc.strerror}.")
        return 1
    raise exc


def _print(label: str, text: str, detail: str = "") -> None:
    from rich.console import Console
    from rich.markup import escape

    from yarnml.events.public import shown

    errors = Console(stderr=True, highlight=False)
    with contextlib.suppress(OSError):
        if detail:
            errors.print(escape(shown(detail.rstrip())), style="dim", soft_wrap=True)
        in_one_line = " ".join(text.splitlines())  # a name in it, or another program's words, may have lines
        sentence = escape(shown(in_one_line))
        errors.print(f"[bold red]{label}:[/] {sentence}" if label else sentence, soft_wrap=True)


def _settle_output() -> None:
    """Write what is not written yet; where that fails, drop it, since Python would fail over it at its end."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _end(status: int) -> NoReturn:
    """End the process, also where a thread waits inside of a library: Python's own end would abort it there."""
    retry = sys.modules.get("yarnml.storage.retry")
    if retry and retry.any_overdue():
        atexit._run_exitfuncs()
        os._exit(status)
    gc.freeze()  # else Python would look through all objects of JAX for garbage, twice
    sys.exit(status)
