"""``evaluation.threshold``: the best of all thresholds on the validation data, and every way to predict goes by it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import pytest
from sklearn import metrics as sk

import yarnml
from tests.jobs.test_evaluate import evaluate_model
from tests.jobs.test_predict import predict
from tests.tiers import cases
from yarnml.data.schema import Feature, Schema
from yarnml.errors import JobFileError
from yarnml.job.load import load_job
from yarnml.model.onnx.export import to_onnx
from yarnml.worker.metrics.base import Scored
from yarnml.worker.metrics.threshold import Threshold, threshold

pytestmark = pytest.mark.long

DATA = {"train": "x.csv", "validation": 0.2, "features": ["x"], "label": "y"}
JOB: dict[str, Any] = {"name": "job", "data": DATA, "learner": {"kind": "logistic"}}


def score(metric: str, y: npt.NDArray[Any], is_second: npt.NDArray[np.bool_], weight: npt.NDArray[Any]) -> float:
    """The metric by scikit-learn."""
    if metric == "accuracy":
        return float(sk.accuracy_score(y, is_second, sample_weight=weight))
    if metric == "balanced_accuracy":
        return float(sk.balanced_accuracy_score(y, is_second, sample_weight=weight))
    return float(sk.fbeta_score(y, is_second, beta=float(metric[1:]), sample_weight=weight, zero_division=0))


@pytest.mark.parametrize("metric", cases(["accuracy", "balanced_accuracy", "f1", "f2", "f0.5"], ["f2"]))
def test_no_threshold_is_better(metric: str, cancer: Path) -> None:
    """The value is scikit-learn's, no other threshold has more than its error says, and parts add up to the whole."""
    rows = pq.read_table(cancer / "rows.parquet").to_pandas()
    p = rows["mean smoothness"].rank(pct=True).to_numpy(np.float32)  # a poor score, which no threshold makes good
    y = rows["target"].to_numpy(np.int64)
    weight = 1.0 + np.arange(len(y)) % 3
    scored = Scored(np.stack([1 - p, p], axis=1).astype(np.float64), weight, y, weight)
    statistic = Threshold(metric)
    total = statistic.sums(scored)
    parts = [statistic.sums(Scored(*(array[part] for array in scored))) for part in (slice(200), slice(200, None))]
    assert (parts[0] + parts[1] == total).all()
    chosen = statistic.metrics(total, float(weight.sum()))
    border = chosen[f"threshold_{metric}"]
    value = chosen[f"{metric}_at_threshold"]
    assert value == pytest.approx(score(metric, y, p >= border, weight), rel=1e-12)
    best = max(score(metric, y, p >= other, weight) for other in p)
    assert value - 1e-12 <= best <= value + chosen[f"{metric}_at_threshold_error"] + 1e-12


def test_rows_of_one_class_choose_nothing() -> None:
    """Without rows of both classes there is no threshold."""
    one = np.ones(3)
    scored = Scored(np.full((3, 2), 0.5), one, np.ones(3, np.int64), one)
    assert Threshold("f1").metrics(Threshold("f1").sums(scored), 3.0) == {}


def test_every_prediction_goes_by_it(cancer: Path, tmp_path: Path) -> None:
    """`Model`, the commands, the script and ONNX predict the second class from the threshold on."""
    onnxruntime = pytest.importorskip("onnxruntime")
    rows = pq.read_table(cancer / "rows.parquet")
    features = [name for name in rows.column_names if name not in ("target", "id")][:4]
    outcome = yarnml.run(
        {
            "name": "threshold",
            "data": {"train": str(cancer / "rows.parquet"), "validation": 0.5, "features": features, "label": "target"},
            "learner": {"kind": "logistic"},
            "evaluation": {"threshold": "f0.5"},
            "checkpoint": {"path": str(tmp_path / "job")},
            "export": str(tmp_path / "models"),
        },
        "inline",
    )
    model = yarnml.load_model(tmp_path / "models")
    border = model.schema.threshold
    assert border == outcome.metrics["validation"]["threshold_f0.5"] != 0.5
    expected = model.predict_proba(rows)[:, 1] >= border
    assert (expected != (model.predict_proba(rows)[:, 1] >= 0.5)).any()
    assert (model.predict(rows) == expected).all()
    accuracy = (rows["target"].to_numpy() == expected).mean()
    assert model.score(rows) == pytest.approx(accuracy)
    assert evaluate_model(tmp_path / "models", cancer / "rows.parquet").metrics["accuracy"] == pytest.approx(accuracy)
    predict(tmp_path, tmp_path / "out", cancer / "rows.parquet")
    assert (pq.read_table(tmp_path / "out")["prediction"].to_numpy() == expected).all()
    script = [sys.executable, str(tmp_path / "models/1/predict.py"), str(cancer / "rows.csv")]
    printed = subprocess.run(script, capture_output=True, text=True, check=True, timeout=60).stdout
    assert (np.array(printed.split(), int) == expected).all()
    session = onnxruntime.InferenceSession(to_onnx(model.content))
    x = np.column_stack([rows[name].to_numpy() for name in features])
    typed = x.astype({"tensor(float)": np.float32, "tensor(double)": np.float64}[session.get_inputs()[0].type])
    assert (session.run(["prediction"], {"x": typed})[0] == expected).all()
    assert json.loads((tmp_path / "models/1/model.json").read_text())["schema"]["threshold"] == border


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"evaluation": {"threshold": "roc_auc"}},
            "evaluation.threshold must be accuracy, balanced_accuracy, f1, or f",
        ),
        ({"data": {**DATA, "validation": None}}, "evaluation.threshold needs data.validation"),
    ],
)
def test_what_is_refused(changes: dict[str, Any], sentence: str) -> None:
    """A threshold that can't be chosen is refused by the job file."""
    with pytest.raises(JobFileError, match=sentence):
        load_job({**JOB, "evaluation": {"threshold": "f1"}, **changes})


def test_three_classes_are_refused() -> None:
    """More than two classes have no threshold."""
    schema = Schema((Feature("x", 1),), "y", "class", ("a", "b", "c"))
    with pytest.raises(JobFileError, match="is for two classes, and there are 3"):
        threshold(schema, ["threshold_f1"])
