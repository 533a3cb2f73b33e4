"""The screen of a run in a terminal, which follows the run to its end."""

import time

from rich.console import Console
from rich.live import Live
from rich.text import Text

from yarnml.errors import HistoryError
from yarnml.watch.live import LivePage
from yarnml.watch.page import REFRESH_SECONDS
from yarnml.watch.screen import frame

PLAIN_WIDTH = 160
"""Columns where there is no terminal that has a width."""


def show(folder: str, console: Console, *, once: bool = False) -> None:
    """Show the run of a job's folder until it has ended or Ctrl-C; its last frame stays on the terminal.

    One frame where there is no terminal, or with ``once``.  Where there is no history that is a HistoryError then; else
    the screen says so and looks again.
    """
    page = LivePage(folder)
    if once or not console.is_terminal:
        console.print(frame(page.run()), width=None if console.is_terminal else PLAIN_WIDTH)
        return
    last = None
    try:
        with Live(console=console, screen=True, auto_refresh=False) as live:
            is_running = True
            while is_running:
                try:
                    run = page.run()
                    is_running = run.state == "running"
                    last = run
                    live.update(frame(run, console.height), refresh=True)
                except HistoryError as exc:
                    live.update(Text(f"{exc}\nLooking again every {REFRESH_SECONDS} s; Ctrl-C ends it."), refresh=True)
                if is_running:
                    time.sleep(REFRESH_SECONDS)
    except KeyboardInterrupt:
        pass  # the usual way out
    if last:
        console.print(frame(last))
