"""A run on a terminal shows what its history has, whatever the size of the window."""

import io
import sys
import threading
import time
from pathlib import Path

import pytest
from rich.console import Console

from tests.processes import shown_on_terminal
from tests.watch.histories import FAILURE, START, entries, outcome, write
from yarnml.errors import HistoryError
from yarnml.events.events import Outcome, Waiting
from yarnml.watch.history.entries import Entry
from yarnml.watch.history.pieces import Pieces
from yarnml.watch.run import Run
from yarnml.watch.screen import curve, frame
from yarnml.watch.top import show


def drawn(run: Run, width: int = 110, height: int = 50) -> str:
    out = io.StringIO()
    Console(file=out, width=width, force_terminal=False).print(frame(run, height))
    return out.getvalue()


def test_a_running_job() -> None:
    """Epochs, loss, phases and processes."""
    listed = entries(10)
    text = drawn(Run("/jobs/digits", listed, listed[-1].time))
    progress = "10 of 20 epochs, about 50.0 s left"
    for part in ("digits  running", progress, "accuracy", "worker 2", "node-1", "compute", "rows/s", "█"):
        assert part in text


def test_what_a_job_waits_for() -> None:
    listed = [*entries(1), Entry(START + 9, Waiting(1, 3, "no room in the queue"))]
    assert "no room in the queue" in drawn(Run("/jobs/digits", listed, listed[-1].time))


def test_a_failed_job_begins_with_its_cause() -> None:
    lines = drawn(Run("/jobs/digits", entries(3, end=FAILURE), START)).splitlines()
    assert lines[0].startswith("digits  failed")
    assert "The loss is nan at step 12" in "".join(lines[1:5])


def test_a_thousand_workers_fit() -> None:
    """Processes fill the window, and no more."""
    listed = entries(3, workers=1000)
    text = drawn(Run("/jobs/digits", listed, listed[-1].time), height=40)
    assert len(text.splitlines()) <= 60
    assert "of 1,001 processes" in text or "of 1,000 processes" in text


@pytest.mark.parametrize("width", [20, 40, 200])
def test_any_width(width: int) -> None:
    listed = entries(3)
    assert all(len(line) <= width for line in drawn(Run("/jobs/digits", listed, START), width).splitlines())


@pytest.mark.parametrize(
    ("values", "blocks"), [([1.0], "▁"), ([1.0, 1.0], "▁▁"), ([0.0, 1.0], "▁█"), ([7.0, 0.0, 3.5], "█▁▅")]
)
def test_curve(values: list[float], blocks: str) -> None:
    assert curve(values) == blocks


def test_control_characters_stay_out() -> None:
    """A name that would move the cursor is shown as Python writes it."""
    listed = entries(1, document={"name": "di\x1b[2Jgits", "learner": {"kind": "mlp"}})
    assert "\x1b" not in drawn(Run("/jobs/digits", listed, START))


def test_without_a_terminal(tmp_path: Path) -> None:
    """One frame, or one sentence."""
    out = io.StringIO()
    console = Console(file=out, width=100, force_terminal=False)
    show(str(write(tmp_path / "a", entries(3, end=outcome(3)))), console)
    assert "digits  done" in out.getvalue()
    with pytest.raises(HistoryError, match="has no history"):
        show(str(tmp_path / "b"), console)


@pytest.mark.long
def test_it_follows_a_job_to_its_end(tmp_path: Path) -> None:
    """The screen waits for the first piece, and the last frame stays when the job is over."""
    listed = entries(4, end=outcome(4))
    shift = time.time() - START
    now = [Entry(entry.time + shift, entry.event) for entry in listed]
    pieces = Pieces(str(tmp_path))

    def happen() -> None:
        time.sleep(2)
        pieces.append(now[:-1])
        time.sleep(2)
        pieces.append(now[-1:])

    job = threading.Thread(target=happen)
    job.start()
    status, screen = shown_on_terminal([sys.executable, "-m", "yarnml", "top", str(tmp_path)])
    job.join()
    assert status == 0
    last = screen.decode().rpartition("\x1b[?1049l")[2]  # after the full screen
    assert "done" in last
    assert isinstance(listed[-1].event, Outcome)
    assert "4 of 20 epochs" in last
