"""The pace of a run: how much of it is done, how fast, and how long the rest may take.  Pure."""

from typing import NamedTuple

from yarnml.events.events import Planned, ShardsDone
from yarnml.watch.run import Run

RECENT_EPOCHS = 50
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
        newest = shards_done(run)
        done, total = (newest.done, newest.shards) if newest else (0, None)
        return Pace("shards", done, total, _rest_of_shards(run))
    return Pace("epochs", run.epochs_done, run.epochs_asked, _rest_of_epochs(run))


def _rest_of_epochs(run: Run) -> float | None:
    recent = [(when, epoch.epoch) for when, epoch in run.epochs if when >= run.began][-RECENT_EPOCHS - 1 :]
    if run.state != "running" or not run.epochs_asked or len(recent) < 2:
        return None
    first, begin = recent[0]
    last, end = recent[-1]
    rest = (run.epochs_asked - end) * (last - first) / (end - begin)
    return max(0.0, rest - (run.now - last))


def _rest_of_shards(run: Run) -> float | None:
    newest = shards_done(run)
    if run.state != "running" or not newest or not newest.done:
        return None
    return (run.now - run.began) * (newest.shards - newest.done) / newest.done


def shards_over_time(run: Run) -> list[tuple[float, ShardsDone]]:
    """List how far the newest run of a job was that applies a model, with the times."""
    return [(when, shards) for when, shards in run.events_of(ShardsDone) if when >= run.began]


def shards_done(run: Run) -> ShardsDone | None:
    """Tell how far the newest run of a job is that applies a model; None where it has told nothing yet."""
    listed = shards_over_time(run)
    return listed[-1][1] if listed else None


def rows_per_second(run: Run) -> float | None:
    """Divide the rows that all steps have covered by their time, or those of all shards; None without any."""
    newest = shards_done(run)
    if newest and run.seconds:
        return sum(run.rows.values()) * newest.done / newest.shards / run.seconds
    planned = run.events_of(Planned)
    seconds = sum(run.phases.values())
    if not planned or not seconds:
        return None
    last = [counters[-1][1] for counters in run.counters]
    return sum(m.rows / m.step * m.tasks / planned[-1][1].shards for m in last if m.step) / seconds
