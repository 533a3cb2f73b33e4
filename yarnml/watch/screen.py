"""The view of a run for a terminal, by rich.  Pure."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table as RichTable
from rich.text import Text

from yarnml.events.public import shown
from yarnml.watch.facts import progress
from yarnml.watch.numbers import duration, number
from yarnml.watch.pace import pace
from yarnml.watch.run import Run
from yarnml.watch.view import Table, View, view_of

COLOURS = {"running": "cyan", "done": "green", "failed": "bold red", "stopped": "yellow", "gone": "bold red"}

MAX_EVENTS = 6
"""Events that are shown, the newest."""

MAX_CURVE = 40
"""Epochs in the curve of the loss, the newest."""

FIXED_LINES = 20
"""Lines that are not processes: the head, facts, phases, events."""

MIN_PROCESSES = 4

NAME_COLUMNS = 2
"""Columns that say what a row is about."""

_BLOCKS = "▁▂▃▄▅▆▇█"


def frame(run: Run, height: int = 50) -> Group:
    """Arrange a run's facts; ``height``: lines of the terminal."""
    view = view_of(run, charts=False)
    parts: list[RenderableType] = [_head(run), _progress(run)]
    if view.cause:
        parts += [Text(shown(view.cause), style="red"), Text(shown(view.detail.rstrip()), style="dim")]
    if view.waiting:
        parts.append(Text(shown(view.waiting), style="yellow"))
    parts += [Text(), _facts(run, view), Text()]
    if run.phases:
        parts += [_phases(run), Text()]
    if view.processes.rows:
        parts += [_table(view.processes, max(MIN_PROCESSES, height - FIXED_LINES - len(view.facts))), Text()]
    parts.append(_table(view.events, MAX_EVENTS))
    return Group(*parts)


def curve(values: Sequence[float]) -> str:
    """Draw numbers as blocks, the least as the lowest."""
    low = min(values)
    width = max(values) - low
    return "".join(_BLOCKS[round((len(_BLOCKS) - 1) * (value - low) / width) if width else 0] for value in values)


def _head(run: Run) -> Text:
    return Text.assemble((shown(run.name), "bold"), "  ", (run.state, COLOURS[run.state]), f"  {duration(run.seconds)}")


def _progress(run: Run) -> RichTable:
    grid = RichTable.grid(padding=(0, 1))
    at = pace(run)
    grid.add_row(ProgressBar(total=1.0, completed=at.share or 0.0, width=40), progress(run) or f"{at.done} {at.unit}")
    return grid


def _facts(run: Run, view: View) -> RichTable:
    grid = RichTable.grid(padding=(0, 2))
    for name, text in view.facts:
        grid.add_row(Text(shown(name), style="dim"), Text(shown(text)))
    losses = [epoch.loss for _, epoch in run.epochs][-MAX_CURVE:]
    if len(losses) > 1:
        grid.add_row(Text("training loss", style="dim"), f"{curve(losses)} {number(losses[-1])}")
    return grid


def _phases(run: Run) -> RichTable:
    """The share of each phase in the steps' time, as bars."""
    grid = RichTable.grid(padding=(0, 2))
    total = sum(run.phases.values()) or 1.0
    for phase, seconds in run.phases.items():
        share = seconds / total
        grid.add_row(
            Text(phase, style="dim"), ProgressBar(total=1.0, completed=share, width=30), f"{100 * share:.0f} %"
        )
    return grid


def _table(table: Table, rows: int) -> RichTable:
    """The first rows of a table, and its note."""
    more = len(table.rows) - rows
    note = table.note or (f"{more} more: a larger window, or the page of the job." if more > 0 else "")
    drawn = RichTable(box=None, pad_edge=False, header_style="dim", caption=note or None)
    for place, head in enumerate(table.heads):
        drawn.add_column(head, no_wrap=place < NAME_COLUMNS)  # these stay whole in a narrow window
    drawn.caption_justify = "left"
    for row in table.rows[:rows]:
        drawn.add_row(*(Text(shown(cell), overflow="ellipsis", no_wrap=True) for cell in row))
    return drawn
