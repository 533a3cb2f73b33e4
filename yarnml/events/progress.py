"""The progress of a job in a notebook or a terminal: one line that moves, by tqdm where it is installed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console

from yarnml.events.console import JobConsole, announcement
from yarnml.events.events import EpochDone, Event, Listener, Outcome, Planned, RoundStarted, ShardsDone, Tick
from yarnml.events.measurements import Measurement
from yarnml.events.public import shown
from yarnml.events.text import format_metrics


class ProgressBar:
    """A bar of the steps of a job, with the loss and the newest metrics behind it; call it with every event.

    ``bar``: tqdm's, or one of the same interface.
    """

    def __init__(self, bar: Any) -> None:
        self._bar = bar
        self._loss = ""
        self._metrics = ""

    def __call__(self, event: Event) -> None:
        if isinstance(event, Measurement | ShardsDone):
            return  # for the history, and of jobs that have no steps
        match event:
            case Planned():
                self._bar.set_description_str(shown(event.name))
            case RoundStarted():
                self._bar.total = event.steps
                self._move(event.first)
            case Tick():
                self._loss = f"loss {event.loss:.4g}"
                self._move(event.step)
            case EpochDone():
                self._loss = f"epoch {event.epoch}/{event.epochs}, training loss {event.loss:.4g}"
                self._metrics = format_metrics(event.metrics) or self._metrics
                self._move(event.step)
            case Outcome():
                parts = [f"{name}: {format_metrics(metrics)}" for name, metrics in event.metrics.items()]
                self._metrics = "; ".join(parts)
                self._move(event.step)
            case _:
                self._bar.write(shown(announcement(event)))

    def _move(self, step: int) -> None:
        """Show a position, which may be an earlier one: a job can go back to a checkpoint."""
        self._bar.n = step
        self._bar.set_postfix_str(", ".join(filter(None, [self._loss, self._metrics])), refresh=False)
        self._bar.update(0)


@contextmanager
def progress_display() -> Iterator[Listener]:
    """Give a listener that shows a job, its outcome last: by tqdm's bar, that of a notebook in a notebook.

    Without tqdm it is the display of the ``yarnml`` command.
    """
    try:
        from tqdm.auto import tqdm  # an option, and slow to load
    except ImportError:
        with JobConsole(Console(force_jupyter=False)) as console:
            yield console
        return
    with tqdm(unit="step", miniters=1, dynamic_ncols=True) as bar:
        yield ProgressBar(bar)
        bar.refresh()
