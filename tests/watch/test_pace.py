"""The pace of a run: what is done of it, and how long the rest takes."""

import pytest

from tests.watch.histories import START, entries, outcome
from yarnml.events.events import Event, Planned, ShardsDone
from yarnml.events.measurements import RunStarted
from yarnml.watch.facts import progress
from yarnml.watch.history.entries import Entry
from yarnml.watch.pace import pace
from yarnml.watch.run import Run


def prediction(*events: tuple[float, Event]) -> list[Entry]:
    """The history of a job that predicts, whose newest run begins at 100 s."""
    document = {"name": "scored", "predict": {"model": "/models", "output": "/scored"}}
    begun: list[tuple[float, Event]] = [
        (0.0, RunStarted(document, "0.1.0", "local", "process 1")),
        (100.0, RunStarted(document, "0.1.0", "local", "process 2")),
        (100.1, Planned("scored", "local", {"predict": 400}, 8, 2, 0)),
    ]
    return [Entry(START + at, event) for at, event in [*begun, *events]]


@pytest.mark.parametrize(
    ("listed", "now", "unit", "done", "total", "left"),
    [
        (entries(5), 25.1, "epochs", 5, 20, 75.0),  # an epoch every 5 seconds
        (entries(5), 27.1, "epochs", 5, 20, 73.0),
        (entries(1), 6.0, "epochs", 1, 20, None),
        (entries(20, end=outcome(20)), 101.0, "epochs", 20, 20, None),
        (entries(5), 500.0, "epochs", 5, 20, None),  # the run is gone
        (prediction(), 101.0, "shards", 0, None, None),
        (prediction((110.0, ShardsDone("predict", 2, 8, 2))), 110.0, "shards", 2, 8, 30.0),
        (prediction((140.0, ShardsDone("predict", 8, 8, 2))), 140.0, "shards", 8, 8, 0.0),
    ],
)
def test_pace(listed: list[Entry], now: float, unit: str, done: int, total: int | None, left: float | None) -> None:
    """Epochs go on as the newest did, shards as those of this run."""
    at = pace(Run("/jobs/digits", listed, START + now))
    assert (at.unit, at.done, at.total) == (unit, done, total)
    assert at.seconds_left == (left if left is None else pytest.approx(left))


def test_the_sentence_about_it() -> None:
    assert progress(Run("/jobs/digits", entries(5), START + 25.1)) == "5 of 20 epochs, about 1:15 min left"
    assert progress(Run("/jobs/digits", prediction(), START + 101.0)) == ""
