"""The progress bar follows the events of a job."""

import io
import sys
from pathlib import Path

import pytest
from tqdm import tqdm

import yarnml
from yarnml.events.events import EpochDone, Event, Outcome, Planned, ProcessLost, RoundStarted, Tick
from yarnml.events.progress import ProgressBar

STORY: list[Event] = [
    Planned("iris", "inline", {"train": 100}, 1, 1, 0),
    RoundStarted(0, 0, 5, 10),
    Tick(3, 0.5, 60, 1),
    EpochDone(1, 2, 5, 0.4, {"loss": 0.3, "accuracy": 0.9}),
    RoundStarted(1, 5, 10, 10),
    ProcessLost("worker 1 was killed"),
    Tick(4, 0.45, 80, 1),
]


def test_the_bar_shows_where_the_job_is() -> None:
    """Step, loss and newest metrics stand in one line, an earlier step after a loss too; a loss has its own line."""
    page = io.StringIO()
    with tqdm(file=page, mininterval=0, miniters=1, ncols=200) as bar:
        show = ProgressBar(bar)
        for event in STORY:
            show(event)
        assert (bar.n, bar.total, bar.desc) == (4, 10, "iris")
        assert bar.postfix == "loss 0.45, loss 0.3, accuracy 0.9"
        show(Outcome("iris", 10, 2, {"test": {"loss": 0.2, "accuracy": 0.95}}, {}, ""))
        assert bar.n == 10
        assert bar.postfix == "loss 0.45, test: loss 0.2, accuracy 0.95"
    assert "3/10" in page.getvalue()
    assert "100%" in page.getvalue()


@pytest.mark.parametrize("installed", [True, False])
def test_a_run_shows_itself(
    installed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run with progress writes its metrics, by tqdm or without it, and still tells its events to a listener."""
    (tmp_path / "rows.csv").write_text("x,y\n" + "".join(f"{n},{2 * n}\n" for n in range(50)))
    if not installed:
        monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    rows = {"train": str(tmp_path / "rows.csv"), "test": str(tmp_path / "rows.csv")}
    job = {
        "name": "line",
        "data": {**rows, "features": ["x"], "label": "y", "label_type": "number"},
        "learner": {"kind": "linear", "solver": "normal"},
        "checkpoint": {"path": str(tmp_path / "job")},
    }
    events: list[Event] = []
    yarnml.run(job, "inline", progress=True, say=events.append)
    assert {"Planned", "EpochDone"} <= {type(event).__name__ for event in events}
    written = capsys.readouterr()
    assert "r2 1" in written.err + written.out
