"""The decisions about a stream, as pure functions: which files come next, when it ends, when a version is due."""

from collections.abc import Sequence
from typing import NamedTuple

from yarnml.checkpoint.stream import StreamRecord
from yarnml.data.arrivals import Arrival, settled
from yarnml.job.fields import seconds_in
from yarnml.job.follow import BETTER, EMPTY, Follow
from yarnml.job.metrics import rises


class Look(NamedTuple):
    """The files that a look into the folder has found, which are in no batch yet.

    ``at``: its time, in seconds of a clock that only goes on.
    """

    at: float
    files: Sequence[Arrival]


class Take(NamedTuple):
    """Learn from these files next."""

    files: tuple[Arrival, ...]


class Wait(NamedTuple):
    """Look again after so many seconds."""

    seconds: float


class End(NamedTuple):
    """The stream is over."""


def after_look(follow: Follow, before: Look | None, now: Look, time: float) -> Take | Wait | End:
    """Decide what follows a look.

    ``before``: the look with which files are compared; None for none.
    ``time``: seconds since 1970.
    """
    settle = seconds_in(follow.settle)
    waited = 0.0 if before is None else now.at - before.at
    if before is not None and waited >= settle and (whole := settled(before.files, now.files)):
        return Take(tuple(whole[: follow.files]))
    if settle == 0 and now.files:
        return Take(tuple(now.files[: follow.files]))
    if follow.until == EMPTY and not now.files:
        return End()
    return _until(follow, settle if now.files else seconds_in(follow.every), time)


def after_batch(follow: Follow, record: StreamRecord, time: float) -> Wait | End:
    """Decide what follows a batch that is learned; ``time``: seconds since 1970."""
    last = follow.last_batch
    if last is not None and record.batch >= last:
        return End()
    has_more = len(record.files) == follow.files
    return _until(
        follow, 0 if follow.until == EMPTY or has_more or not record.batch else seconds_in(follow.every), time
    )


def _until(follow: Follow, seconds: float, time: float) -> Wait | End:
    end = follow.end
    if end is None:
        return Wait(seconds)
    return End() if time >= end else Wait(min(seconds, end - time))


def is_due(follow: Follow, record: StreamRecord, value: float | None, time: float) -> bool:
    """Decide whether the newest batch ends with a version.

    ``value``: the metric over the window, None where there is none.  ``time``: seconds since 1970.
    """
    if follow.export == BETTER:
        return value is not None and is_better(follow.metric, value, record.best)
    count, unit = follow.export.split()
    if unit.startswith("batch"):
        return record.batch - record.exported >= int(count)
    return time - record.exported_at >= seconds_in(follow.export)


def is_better(metric: str, value: float, best: float | None) -> bool:
    """Tell whether a value of a metric is better than the best before it; None: there is none."""
    if best is None:
        return True
    return value > best if rises(metric) else value < best
