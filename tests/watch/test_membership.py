"""The timeline of a job's processes."""

from collections.abc import Sequence

import pytest

from tests.watch.histories import START, entries, outcome
from yarnml.events.events import Event
from yarnml.events.measurements import ProcessesMeasured, ProcessPlaced, ProcessUse, RunStarted
from yarnml.watch import charts
from yarnml.watch.history.entries import Entry
from yarnml.watch.membership import eventful, logs, present, spans
from yarnml.watch.page import html
from yarnml.watch.run import Run
from yarnml.watch.view import view_of

MASTER = ProcessesMeasured([ProcessUse("master", 0, "node-0", 0, 1, 0.1)])
BEGIN = RunStarted({}, "0.1.0", "local", "process 1")


def workers(*indices: int) -> ProcessesMeasured:
    return ProcessesMeasured([ProcessUse("worker", index, "node-1", 1, 1, 0.5) for index in indices])


def run_of(events: Sequence[Event], seconds: float = 5.0) -> Run:
    """A run with an event every so many seconds."""
    return Run("/jobs/a", [Entry(START + seconds * n, event) for n, event in enumerate(events)], START)


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([BEGIN, MASTER], {}),
        ([workers(0, 1), MASTER, workers(0, 1)], {"worker 0": [(0, 10)], "worker 1": [(0, 10)]}),
        ([workers(0, 1), workers(0), workers(0, 1)], {"worker 0": [(0, 10)], "worker 1": [(0, 0), (10, 10)]}),
        ([workers(0), BEGIN, workers(0)], {"worker 0": [(0, 0), (10, 10)]}),
        ([workers(9, 10), outcome(1)], {"worker 9": [(0, 5)], "worker 10": [(0, 5)]}),
    ],
)
def test_spans(events: Sequence[Event], expected: dict[str, list[tuple[float, float]]]) -> None:
    """A process is there from the first list that has it to the last one in a row; a new run begins anew."""
    assert spans(run_of(events)) == expected
    assert [*spans(run_of(events))] == [*expected]


def test_thin_histories_have_no_gaps() -> None:
    """Lists that are an hour apart, as in the old part of a long history, are no absence."""
    assert spans(run_of([workers(0), workers(0)], 3600.0)) == {"worker 0": [(0, 3600)]}


def test_those_that_came_or_went_are_chosen() -> None:
    run = run_of([workers(*range(100)), workers(*range(99)), workers(*range(99), 100)])
    assert [*eventful(spans(run), 4)] == ["worker 0", "worker 1", "worker 99", "worker 100"]


def test_the_timeline_is_on_the_page() -> None:
    """With a line for each span, whose tooltip says from when to when, for at most so many processes."""
    text = html(view_of(run_of([workers(0, 1), workers(0), workers(0, 1), workers(0, 1)])))
    assert "Who took part" in text
    assert "worker 1 from 10.0 s to 15.0 s" in text
    assert "Who took part" not in html(view_of(run_of([BEGIN, MASTER])))
    many = html(view_of(Run("/jobs/a", entries(3, workers=1000), START)))
    assert many.count(" from 5.0 s to 15.0 s</title>") <= 2 * 24
    assert charts.timeline("nobody", {}) == ""


def test_who_takes_part_and_their_logs() -> None:
    """Present are those in the newest list of their role; the page links each to its log, if the cluster has one."""
    address = "http://node-1:8042/node/containerlogs/container_1/ann"
    old = ProcessPlaced("worker 1", "http://node-0:8042/")
    run = run_of([BEGIN, old, BEGIN, ProcessPlaced("worker 0", address), workers(0, 1), MASTER, workers(0)])
    assert present(run) == {"master 0", "worker 0"}
    assert logs(run) == {"worker 0": address}
    text = html(view_of(run))
    assert f'<td><a href="{address}">worker 0</a></td>' in text
    assert "<td>worker 1</td>" in text
    assert "<td>left 10.0 s before</td>" in text
