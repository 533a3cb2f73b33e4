"""The decisions about a stream: what comes after a look and after a batch, and when a version is due."""

from typing import Any

import pytest

from yarnml.checkpoint.stream import StreamRecord
from yarnml.data.arrivals import Arrival
from yarnml.job.follow import Follow
from yarnml.master.stream_schedule import End, Look, Take, Wait, after_batch, after_look, is_due

A, B, C = (Arrival(name, 1, 1.0) for name in "abc")
GROWN = Arrival("a", 2, 2.0)
NOON = "2026-12-01T12:00:00+00:00"
NOON_SECONDS = 1796126400.0


def follow(**fields: Any) -> Follow:
    return Follow(path="in", **fields)


@pytest.mark.parametrize(
    ("fields", "before", "now", "time", "expected"),
    [
        ({}, None, Look(0, []), 0, Wait(300)),
        ({}, None, Look(0, [A]), 0, Wait(10)),
        ({}, Look(0, [A]), Look(10, [A, B]), 0, Take((A,))),
        ({}, Look(0, [A]), Look(9, [A]), 0, Wait(10)),
        ({}, Look(0, [A]), Look(10, [GROWN]), 0, Wait(10)),
        ({"files": 2}, Look(0, [A, B, C]), Look(10, [A, B, C]), 0, Take((A, B))),
        ({"settle": "0 s"}, None, Look(0, [A, B]), 0, Take((A, B))),
        ({"until": "empty"}, None, Look(0, []), 0, End()),
        ({"until": "empty"}, Look(0, [A]), Look(10, [GROWN]), 0, Wait(10)),
        ({"until": NOON}, None, Look(0, []), NOON_SECONDS - 7, Wait(7)),
        ({"until": NOON}, None, Look(0, [A]), NOON_SECONDS, End()),
    ],
)
def test_after_a_look(fields: Any, before: Look | None, now: Look, time: float, expected: Any) -> None:
    """Files that have settled are taken, the oldest first; others are waited for, unless the stream is over."""
    assert after_look(follow(**fields), before, now, time) == expected


@pytest.mark.parametrize(
    ("fields", "record", "time", "expected"),
    [
        ({}, StreamRecord(3, batch=0), 0, Wait(0)),
        ({}, StreamRecord(3, batch=1, files=(A,)), 0, Wait(300)),
        ({"files": 1}, StreamRecord(3, batch=1, files=(A,)), 0, Wait(0)),
        ({"until": "empty"}, StreamRecord(3, batch=1, files=(A,)), 0, Wait(0)),
        ({"until": "2 batches"}, StreamRecord(3, batch=1, files=(A,)), 0, Wait(300)),
        ({"until": "2 batches"}, StreamRecord(3, batch=2, files=(A,)), 0, End()),
        ({"until": NOON}, StreamRecord(3, batch=1, files=(A,)), NOON_SECONDS - 1, Wait(1)),
        ({"until": NOON}, StreamRecord(3, batch=1, files=(A,)), NOON_SECONDS, End()),
    ],
)
def test_after_a_batch(fields: Any, record: StreamRecord, time: float, expected: Any) -> None:
    """The next look comes after ``every``, at once where more files are likely, never after the end."""
    assert after_batch(follow(**fields), record, time) == expected


@pytest.mark.parametrize(
    ("fields", "record", "value", "time", "expected"),
    [
        ({}, StreamRecord(3, batch=1), 0.5, 0, True),
        ({"export": "3 batches"}, StreamRecord(3, batch=2), 0.5, 0, False),
        ({"export": "3 batches"}, StreamRecord(3, batch=6, exported=3), 0.5, 0, True),
        ({"export": "30 min"}, StreamRecord(3, batch=9, exported_at=1000), 0.5, 2799, False),
        ({"export": "30 min"}, StreamRecord(3, batch=9, exported_at=1000), 0.5, 2800, True),
        ({"export": "better"}, StreamRecord(3, batch=1), 0.5, 0, True),
        ({"export": "better"}, StreamRecord(3, batch=2, best=0.5), 0.5, 0, False),
        ({"export": "better"}, StreamRecord(3, batch=2, best=0.5), 0.4, 0, True),
        ({"export": "better", "metric": "accuracy"}, StreamRecord(3, batch=2, best=0.5), 0.6, 0, True),
        ({"export": "better"}, StreamRecord(3, batch=2), None, 0, False),
    ],
)
def test_a_version_is_due(fields: Any, record: StreamRecord, value: float | None, time: float, expected: bool) -> None:
    """A version is due after so many batches, so much time, or where the metric is the best so far."""
    assert is_due(follow(**fields), record, value, time) == expected
