"""``yarnml evaluate``: the numbers of scikit-learn on real rows, of all and by group, on any number of workers."""

import json
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn import metrics as sk

import yarnml
from yarnml.errors import YarnmlError
from yarnml.events.events import EvaluationResult
from yarnml.events.model_jobs import evaluation_table
from yarnml.job.load import load_any
from yarnml.runner import run_any

pytestmark = pytest.mark.long


def evaluate_model(model: Path, rows: Path, output: Path | None = None, **changes: Any) -> EvaluationResult:
    """Evaluate a model in this process."""
    with tempfile.TemporaryDirectory() as folder:
        section = {"model": str(model), "data": str(rows), "output": str(output or f"{folder}/out.json"), **changes}
        end = run_any(load_any({"name": "test", "evaluate": section}), "inline")
    assert isinstance(end, EvaluationResult)
    return end


@pytest.fixture(scope="module")
def halves(cancer: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows of cancer with a column that tells two halves apart, and is null in a few rows."""
    rows = pq.read_table(cancer / "rows.parquet")
    half = ["even" if n % 2 else "odd" for n in range(len(rows))]
    half[:5] = [None] * 5
    path = tmp_path_factory.mktemp("halves") / "rows.parquet"
    pq.write_table(rows.append_column("half", pa.array(half)), path, row_group_size=64)
    return path


def _expected(y: Any, p: Any) -> dict[str, float]:
    """The metrics of two classes by scikit-learn."""
    guess = p.argmax(axis=1)
    return {
        "accuracy": sk.accuracy_score(y, guess),
        "balanced_accuracy": sk.balanced_accuracy_score(y, guess),
        "macro_f1": sk.f1_score(y, guess, average="macro"),
        "precision": sk.precision_score(y, guess),
        "recall": sk.recall_score(y, guess),
        "log_loss": sk.log_loss(y, p / p.sum(axis=1, keepdims=True)),
        "confusion[0, 1]": sk.confusion_matrix(y, guess)[0, 1],
    }


def test_classes_by_group(cancer: Path, halves: Path) -> None:
    """Every metric of two classes is scikit-learn's, of all rows and of each group, that of no value too."""
    end = evaluate_model(cancer / "models", halves, by="half")
    rows = pq.read_table(halves).to_pandas()
    p = yarnml.load_model(cancer / "models").predict_proba(rows).astype(float)
    y = rows["target"].to_numpy()
    assert list(end.groups) == ["even", "null", "odd"]
    for name, value in _expected(y, p).items():
        assert end.metrics[name] == pytest.approx(value, rel=1e-6), name
    assert end.metrics["roc_auc"] == pytest.approx(sk.roc_auc_score(y, p[:, 1]), abs=end.metrics["roc_auc_error"])
    for half in ("even", "odd"):
        chosen = (rows["half"] == half).to_numpy()
        for name, value in _expected(y[chosen], p[chosen]).items():
            assert end.groups[half][name] == pytest.approx(value, rel=1e-6), name
    assert "loss" not in end.metrics
    assert "half=even" in evaluation_table(end)


def test_the_file_of_an_evaluation(diabetes: Path, tmp_path: Path) -> None:
    """It has what the command prints for programs; a second run has nothing to do, and another one is refused."""
    output = tmp_path / "out.json"
    end = evaluate_model(diabetes / "models", diabetes / "rows.csv", output)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".yarnml-evaluate-out.json", "out.json"]
    assert json.loads(output.read_text())["metrics"] == end.metrics
    before = output.read_bytes()
    assert evaluate_model(diabetes / "models", diabetes / "rows.csv", output) == end
    with pytest.raises(YarnmlError, match=r"evaluate\.output .* exists and holds something else; choose another file"):
        evaluate_model(diabetes / "models", diabetes / "rows.csv", output, by="sex")
    assert output.read_bytes() == before


def test_numbers(diabetes: Path) -> None:
    """Metrics of numbers are scikit-learn's, those that are asked for beside the usual ones."""
    rows = pq.read_table(diabetes / "rows.parquet")
    y = rows["target"].to_numpy()
    guess = yarnml.load_model(diabetes / "models").predict(rows).astype(float)
    end = evaluate_model(diabetes / "models/1", diabetes / "rows.csv", metrics=["mae", "mape"])
    assert end.metrics.keys() == {"rmse", "r2", "mae", "mape"}
    assert end.metrics["rmse"] == pytest.approx(np.sqrt(sk.mean_squared_error(y, guess)), rel=1e-6)
    assert end.metrics["r2"] == pytest.approx(sk.r2_score(y, guess), rel=1e-6)
    assert end.metrics["mae"] == pytest.approx(sk.mean_absolute_error(y, guess), rel=1e-6)
    assert end.metrics["mape"] == pytest.approx(sk.mean_absolute_percentage_error(y, guess), rel=1e-6)


@pytest.mark.long
def test_the_same_on_any_number_of_workers(
    cancer: Path, halves: Path, yarnml_command: Callable[..., "subprocess.CompletedProcess[str]"]
) -> None:
    """Two processes print the very numbers of one."""
    arguments = ["evaluate", cancer / "models", "--data", halves, "--by", "half", "--json", "--workers", "2"]
    done = yarnml_command(*arguments)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    end = evaluate_model(cancer / "models", halves, by="half")
    assert answer["metrics"] == end.metrics
    assert answer["groups"] == end.groups
    assert answer["rows"] == 569


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"by": "nobody"}, "evaluate.by: the rows have no column 'nobody'; they have "),
        ({"by": "id"}, "evaluate.by id: there are more than 32 groups; choose another column."),
        ({"metrics": ["rmse"]}, "evaluate.metrics: this job can be judged by "),
        ({"metrics": ["ndcg"]}, "evaluate.metrics: ndcg hangs on the order of rows in all shards, which only "),
    ],
)
def test_what_is_refused(cancer: Path, changes: dict[str, Any], sentence: str) -> None:
    """An evaluation that can't be made ends in one sentence."""
    with pytest.raises(YarnmlError) as caught:
        evaluate_model(cancer / "models", cancer / "rows.parquet", **changes)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_rows_without_a_label(cancer: Path, tmp_path: Path) -> None:
    """Rows that lack the label are refused with the columns that there are."""
    pq.write_table(pq.read_table(cancer / "rows.parquet").drop_columns(["target"]), tmp_path / "rows.parquet")
    with pytest.raises(YarnmlError, match=r"evaluate\.data: the rows have no column 'target'"):
        evaluate_model(cancer / "models", tmp_path / "rows.parquet")
