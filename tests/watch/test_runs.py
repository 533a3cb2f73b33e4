"""A history tells state, results and times of a run; tables tell and compare runs."""

from pathlib import Path

import pytest

from tests.watch.histories import FAILURE, START, entries, job, outcome, write
from yarnml.errors import HistoryError, Interrupted
from yarnml.events.events import Event, Failure, Outcome
from yarnml.events.measurements import RunStarted
from yarnml.watch.history.entries import Entry
from yarnml.watch.pace import rows_per_second
from yarnml.watch.run import SILENT_SECONDS, Run
from yarnml.watch.runs import comparison, find_runs, run_folders, runs_table

STOPPED = Failure(Interrupted.__name__, "The job was stopped.")
AGAIN = RunStarted(job(), "0.1.0", "local", "process 2 on node-1")


def run_of(*ends: Event, now: float = START + 1e6) -> Run:
    listed = entries()
    return Run("/jobs/digits", [*listed, *(Entry(listed[-1].time + 1, event) for event in ends)], now)


@pytest.mark.parametrize(
    ("ends", "late", "state", "cause"),
    [
        ((), 1.0, "running", ""),
        ((), SILENT_SECONDS + 1, "gone", "The master has told nothing for 1 minutes"),
        ((outcome(20),), 1e6, "done", ""),
        ((FAILURE,), 1e6, "failed", "The loss is nan at step 12."),
        ((STOPPED,), 1e6, "stopped", "The job was stopped."),
        ((FAILURE, AGAIN), 1.0, "running", ""),
        ((outcome(20), AGAIN), 1e6, "gone", "The master has told nothing"),
        ((STOPPED, AGAIN, outcome(20)), 1.0, "done", ""),
    ],
)
def test_state(ends: tuple[Event, ...], late: float, state: str, cause: str) -> None:
    """The newest run decides: by its end, or by how long it has told nothing."""
    listed = run_of(*ends).entries
    run = Run("/jobs/digits", listed, listed[-1].time + late)
    assert run.state == state
    assert run.cause.startswith(cause)
    assert bool(run.cause) == bool(cause)


def test_facts_of_a_run() -> None:
    """Best metric, rows, rate, phases and time follow from the events."""
    run = run_of(outcome(20))
    assert (run.name, run.learner, run.rows["train"], run.epochs_done, run.epochs_asked) == (
        "digits",
        "mlp",
        1438,
        20,
        20,
    )
    assert (run.metric, run.best) == ("accuracy", 0.975)
    assert run.phases == {"read": 10.0, "compute": 20.0, "exchange": 30.0, "update": 40.0, "wait": 50.0}
    assert rows_per_second(run) == pytest.approx(20 * 1438 / 150)
    assert run.seconds == pytest.approx(101.1)
    assert len(run.processes) == 3


def test_a_continued_run() -> None:
    """The time between two runs does not count, and an epoch that is trained again counts once."""
    first = entries(10)
    later = [Entry(entry.time + 1000, entry.event) for entry in entries(20)]
    run = Run("/jobs/digits", [*first, *later], START)
    assert run.seconds == pytest.approx(50.1 + 100.1)
    assert [epoch.epoch for _, epoch in run.epochs] == [*range(1, 21)]
    assert run.phases["read"] == pytest.approx(5.0 + 10.0)


def test_the_metric_of_early_stopping_judges() -> None:
    """The metric of early stopping is the one that a table shows, with its best value."""
    document = job(training={"epochs": 20, "early_stopping": {"metric": "loss"}})
    run = Run("/jobs/digits", entries(document=document), START)
    assert (run.metric, run.best) == ("loss", 0.1)


def test_runs_below_a_folder(tmp_path: Path) -> None:
    """Runs are found at any depth, newest first; folders without one are passed over."""
    write(tmp_path / "old", entries(2, end=outcome(2)))
    write(tmp_path / "team/a/new", [Entry(e.time + 5, e.event) for e in entries(2, end=FAILURE)])
    (tmp_path / "history").mkdir()
    (tmp_path / "other/history").mkdir(parents=True)
    (tmp_path / ".hidden").mkdir()
    assert sorted(run_folders(str(tmp_path))) == [f"{tmp_path}/old", f"{tmp_path}/team/a/new"]
    runs, unreadable = find_runs([str(tmp_path)])
    heads, *rows = runs_table(runs).splitlines()
    assert not unreadable
    assert heads.split() == ["name", "state", "kind", "rows", "progress", "best", "time", "started", "model", "folder"]
    assert rows[0].split()[:7] == ["digits", "failed", "mlp", "1,438", "2/20", "accuracy", "0.75"]
    assert rows[1].split()[1] == "done"
    assert rows[1].split()[-2:] == ["3", f"{tmp_path}/old"]


def test_a_foreign_history_hides_no_other(tmp_path: Path) -> None:
    """A history of a newer version is left out, and said so."""
    write(tmp_path / "a", entries(2))
    (tmp_path / "b/history").mkdir(parents=True)
    (tmp_path / "b/history/piece-000000000-000000000.jsonl").write_text('{"format":"yarnml-history/9"}')
    runs, unreadable = find_runs([str(tmp_path)])
    assert [run.folder for run in runs] == [f"{tmp_path}/a"]
    assert ["left out:" in text and "yarnml-history/9" in text for text in unreadable] == [True]


@pytest.mark.parametrize("folder", ["nowhere", "empty"])
def test_no_run(tmp_path: Path, folder: str) -> None:
    """A folder without any run is one sentence."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(HistoryError, match=r"No run below .*; give a folder"):
        find_runs([str(tmp_path / folder)])


def test_comparison() -> None:
    """Only fields that differ are shown, and metrics side by side."""
    other = job(workers={"count": 2}) | {"learner": {"kind": "mlp", "hidden": [128]}}
    runs = [run_of(outcome(20)), Run("/jobs/b", entries(10, end=outcome(10), document=other), START)]
    lines = [line.split() for line in comparison(runs).splitlines()]
    assert ["learner.hidden", "[64]", "[128]"] in lines
    assert ["workers.count", "–", "2"] in lines
    assert ["accuracy", "0.975", "0.95"] in lines
    assert ["progress", "20", "of", "20", "epochs", "10", "of", "20", "epochs"] in lines
    assert not any(line[:1] == ["learner.kind"] for line in lines)
    assert "the same job" in comparison([runs[0], runs[0]])


def test_the_outcome_s_words() -> None:
    """An outcome without metrics, as of a job without an evaluation, is no error."""
    bare = Outcome("digits", 1, 1, {}, {}, "folder")
    run = Run("/jobs/digits", [Entry(START, bare)], START)
    assert (run.state, run.best, run.metric, rows_per_second(run), run.learner) == ("done", None, "loss", None, "")
    assert "digits" in runs_table([run])
    assert comparison([run, run])
