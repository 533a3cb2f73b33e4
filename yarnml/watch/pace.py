"""The pace of a run: how much of it is done, and how long the rest may take.  Pure."""

from typing import NamedTuple

from yarnml.watch.run import Run

RECENT_EPOCHS = 10
"""Epochs that tell how long further ones take."""


class Pace(NamedTuple):
    """The part of a run that is done.

    ``unit``: what is counted.  ``total``: None where the job has no end of its own.  ``seconds_left``: None where that
    can't be told.
    """

    unit: str
    done: int
    total: int | None
    seconds_left: float | None

    @property
    def share(self) -> float | None:
        """From 0 to 1; None without a total."""
        return min(1.0, self.done / self.total) if self.total else None


def pace(run: Run) -> Pace:
    """Tell how far a run is: in epochs, or in shards where it applies a model."""
    if run.section:
        done, total = (run.shards.done, run.shards.shards) if run.shards else (0, None)
        return Pace("shards", done, total, _rest_of_shards(run))
    return Pace("epochs", run.epochs_done, run.epochs_asked, _rest_of_epochs(run))


def _rest_of_epochs(run: Run) -> float | None:
    recent = [(when, epoch.epoch) for when, epoch in run.epochs if when >= run.began][-RECENT_EPOCHS - 1 :]
    if run.state != "running" or not run.epochs_asked or len(recent) < 2:
        return None
    (first, begin), (last, end) = recent[0], recent[-1]
    rest = (run.epochs_asked - end) * (last - first) / (end - begin)
    return max(0.0, rest - (run.now - last))


def _rest_of_shards(run: Run) -> float | None:
    if run.state != "running" or not run.shards or not run.shards.done:
        return None
    return (run.now - run.began) * (run.shards.shards - run.shards.done) / run.shards.done
