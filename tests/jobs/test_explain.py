"""``yarnml explain``: tables and a page, the same bytes on any number of workers."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

import yarnml
from tests.jobs.test_evaluate import evaluate_model
from yarnml.errors import YarnmlError
from yarnml.events.events import ExplanationResult
from yarnml.events.model_jobs import explanation_text
from yarnml.job.load import load_any
from yarnml.runner import run_any

pytestmark = pytest.mark.long


def explain_model(model: Path, rows: Path, output: Path, **changes: Any) -> ExplanationResult:
    """Explain a model in this process."""
    section = {"model": str(model), "data": str(rows), "output": str(output), "sample": 100, "repeats": 2, **changes}
    end = run_any(load_any({"name": "test", "explain": section}), "inline")
    assert isinstance(end, ExplanationResult)
    return end


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_tables_of_a_linear_model(cancer: Path, tmp_path: Path) -> None:
    """Rows come in order with kept columns; values are those of `Model.explain`; the metric is that of the rows."""
    rows = cancer / "rows.parquet"
    end = explain_model(cancer / "models", rows, tmp_path / "out", keep=["id"], sample=10_000)
    table = pq.read_table(tmp_path / "out/shap")
    expected = yarnml.load_model(cancer / "models").explain(pq.read_table(rows))
    assert table["id"].to_pylist() == [*range(569)]
    np.testing.assert_allclose(table["shap_mean area"].to_numpy(), expected.table()["mean area"].to_numpy())
    facts = json.loads((tmp_path / "out/explanation.json").read_text())
    assert facts["method"] == "linear"
    log_loss = evaluate_model(cancer / "models", rows).metrics["log_loss"]
    assert facts["metric_of_rows"] == pytest.approx(log_loss, rel=1e-5)
    importances = pq.read_table(tmp_path / "out/importances.parquet").to_pydict()
    assert importances["importance"] == sorted(importances["importance"], reverse=True)
    assert importances["importance"][0] > 0.01
    dependence = pq.read_table(tmp_path / "out/dependence.parquet").to_pydict()
    area = [o[1] for f, o in zip(dependence["feature"], dependence["output"], strict=True) if f == "worst area"]
    assert area == sorted(area, reverse=True)  # benign ones are small
    page = (tmp_path / "out/index.html").read_text()
    assert "worst area" in page
    assert page.count("<svg") >= 10
    assert end.importances.keys() == {*expected.feature_names}
    assert "importance by log_loss" in explanation_text(end)


@pytest.mark.breadth
@pytest.mark.long
def test_the_same_on_any_number_of_workers(
    diabetes: Path, tmp_path: Path, yarnml_command: Callable[..., "subprocess.CompletedProcess[str]"]
) -> None:
    """Two processes write the very bytes of one, for a model that prepares a column."""
    end = explain_model(diabetes / "models", diabetes / "rows.csv", tmp_path / "one")
    assert explain_model(diabetes / "models", diabetes / "rows.csv", tmp_path / "one") == end  # nothing left to do
    arguments = ["--output", tmp_path / "two", "--sample", "100", "--repeats", "2", "--workers", "2"]
    done = yarnml_command("explain", diabetes / "models", "--data", diabetes / "rows.csv", *arguments)
    assert done.returncode == 0, done.stderr
    assert "importance by rmse" in done.stdout
    assert files(tmp_path / "one") == files(tmp_path / "two")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"keep": ["nobody"]}, "explain.keep: the rows have no column 'nobody'; they have "),
        ({"metric": "rmse"}, "explain.metric: this job can be judged by "),
        ({"output": "models"}, "exists and holds something else; choose another folder, or remove it."),
    ],
)
def test_what_is_refused(cancer: Path, tmp_path: Path, changes: dict[str, Any], sentence: str) -> None:
    """An explanation that can't be made ends in one sentence, and leaves nothing."""
    output = cancer / changes.pop("output") if "output" in changes else tmp_path / "out"
    before = [*output.parent.iterdir()]
    with pytest.raises(YarnmlError) as caught:
        explain_model(cancer / "models", cancer / "rows.parquet", output, **changes)
    assert sentence in str(caught.value)
    assert [*output.parent.iterdir()] == before
