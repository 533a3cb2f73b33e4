"""Jobs that apply a model keep a history beside their output, which every view finds by that."""

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.command_line import command_line
from yarnml.cli import main
from yarnml.errors import YarnmlError
from yarnml.events.events import EvaluationResult, Predicted
from yarnml.events.measurements import RunStarted
from yarnml.job.load import load_any
from yarnml.runner import run_any
from yarnml.watch.facts import facts
from yarnml.watch.run import Run
from yarnml.watch.runs import find_runs, folder_of_output, read_run, row_of


def apply_model(section: str, folder: Path, output: Path, **fields: Any) -> Any:
    """Do a job with the model and the rows of a folder, in this process."""
    rows = {"model": str(folder / "models"), "data": str(folder / "rows.parquet"), "output": str(output), **fields}
    return run_any(load_any({"name": output.name, section: rows}), "inline")


def run_of(output: Path) -> Run:
    return read_run(folder_of_output(str(output)))


def test_views_of_done_jobs(cancer: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Views show what the jobs have returned; a job is named by its output, a folder or a file."""
    predicted = apply_model("predict", cancer, tmp_path / "scored", shards=3)
    evaluated = apply_model("evaluate", cancer, tmp_path / "metrics.json")
    assert isinstance(predicted, Predicted)
    assert isinstance(evaluated, EvaluationResult)
    runs, unreadable = find_runs([str(tmp_path)])
    assert unreadable == []
    assert {row_of(run)[:4] for run in runs} == {
        ("scored", "done", "predict", "569"), ("metrics.json", "done", "evaluate", "569")
    }  # fmt: skip
    assert {run.place for run in runs} == {predicted.output, evaluated.output}
    known = dict(facts(run_of(tmp_path / "scored")))
    assert (known["rows"], known["files"], known["model"]) == ("569", "3", predicted.model)
    assert run_of(tmp_path / "metrics.json").metrics == evaluated.metrics
    with (
        command_line("report", tmp_path / "scored", "--output", tmp_path / "report.html"),
        pytest.raises(SystemExit) as status,
    ):
        main()
    assert status.value.code == 0
    assert "569" in (tmp_path / "report.html").read_text()
    assert "scored, done" in capsys.readouterr().out


def test_a_failure_is_kept(cancer: Path, tmp_path: Path) -> None:
    """A job that failed leaves its cause; when it goes on that stays, and with other settings it begins anew."""
    rows = pq.read_table(cancer / "rows.parquet").to_pandas()
    rows.loc[3, "mean radius"] = float("nan")
    bad = tmp_path / "bad.parquet"
    pq.write_table(pa.Table.from_pandas(pd.DataFrame(rows), preserve_index=False), bad)
    output = tmp_path / "out"
    with pytest.raises(YarnmlError) as caught:
        apply_model("predict", cancer, output, data=str(bad))
    failed = run_of(output)
    assert (failed.state, failed.cause) == ("failed", str(caught.value))
    with pytest.raises(YarnmlError):
        apply_model("predict", cancer, output, data=str(bad))
    assert starts(run_of(output)) == 2
    apply_model("predict", cancer, output, data=str(bad), on_error=None)
    done = run_of(output)
    assert (done.state, starts(done)) == ("done", 1)
    assert dict(facts(done))["rows without a prediction"] == "1"
    assert [path.name for path in (tmp_path / ".yarnml-predict-out").iterdir()] == ["history"]


def starts(run: Run) -> int:
    return sum(isinstance(entry.event, RunStarted) for entry in run.entries)
