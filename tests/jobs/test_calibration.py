"""``evaluation.calibration``: scikit-learn's functions on the validation rows, and every prediction goes by them."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn import metrics as sk
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_breast_cancer
from sklearn.frozen import FrozenEstimator

import yarnml
from tests.jobs.test_evaluate import evaluate_model
from tests.jobs.test_predict import predict
from yarnml.data.calibration import scores_of
from yarnml.errors import DataError, JobFileError
from yarnml.model.onnx_export import to_onnx
from yarnml.worker.calibration import bin_sums, fitted

FEATURES = ["mean smoothness", "mean texture", "mean symmetry"]

Job = dict[str, Any]

CALL = """
import sys
import numpy
sys.path.insert(0, sys.argv[1])
import predict
numpy.save(sys.argv[3], predict.predict(numpy.load(sys.argv[2])))
"""


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows of cancer in two files, to train on and to validate on."""
    folder = tmp_path_factory.mktemp("rows")
    table = pa.Table.from_pandas(load_breast_cancer(as_frame=True).frame, preserve_index=False)
    pq.write_table(table.slice(0, 250), folder / "train.parquet", row_group_size=50)
    pq.write_table(table.slice(250), folder / "validation.parquet", row_group_size=50)
    return folder


def job(rows: Path, folder: Path, learner: str, kind: str | None) -> Job:
    return {
        "name": "calibration",
        "data": {
            "train": str(rows / "train.parquet"),
            "validation": str(rows / "validation.parquet"),
            "features": FEATURES,
            "label": "target",
        },
        "learner": {"kind": learner},
        "training": {"shards": 3},
        "evaluation": {"calibration": kind, "metrics": ["log_loss"]},
        "checkpoint": {"path": str(folder / "job")},
        "export": str(folder / "models"),
    }


class Scores(ClassifierMixin, BaseEstimator):
    """A fitted classifier of scikit-learn's kind whose rows are scores already."""

    classes_ = np.array([0, 1])

    def fit(self, x: Any, y: Any) -> "Scores":
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def decision_function(self, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return x[:, 0]

    def predict(self, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return (x[:, 0] > 0).astype(int)


@pytest.mark.parametrize("learner", ["logistic", "svm"])
@pytest.mark.parametrize(("kind", "method", "tolerance"), [("platt", "sigmoid", 1e-5), ("isotonic", "isotonic", 1e-3)])
def test_it_is_scikit_learns(
    rows: Path, tmp_path: Path, learner: str, kind: str, method: str, tolerance: float
) -> None:
    """Probabilities are those of CalibratedClassifierCV on the same scores, and better than before on its own rows."""
    yarnml.run(job(rows, tmp_path / "plain", learner, None), "inline")
    outcome = yarnml.run(job(rows, tmp_path, learner, kind), "inline")
    table = pq.read_table(rows / "validation.parquet")
    y = table["target"].to_numpy()
    outputs = yarnml.load_model(tmp_path / "plain" / "models").outputs(table)
    score = scores_of(outputs, "margin" if learner == "svm" else "log_odds")[:, None]
    expected = CalibratedClassifierCV(FrozenEstimator(Scores()), method=method).fit(score, y).predict_proba(score)
    ours = yarnml.load_model(tmp_path / "models").outputs(table)
    np.testing.assert_allclose(ours, expected, atol=tolerance)
    assert outcome.metrics["validation"]["log_loss"] == pytest.approx(sk.log_loss(y, ours), rel=1e-4)
    if learner == "logistic":
        assert sk.log_loss(y, ours) < sk.log_loss(y, outputs)


def test_weights_count_and_parts_add_up() -> None:
    """A row of weight 3 counts as three rows, sums of parts of the rows add up to the bit, and one class is refused."""
    score = np.linspace(-3, 3, 50)
    y = (np.arange(50) % 3 > 0).astype(np.int32)
    weight = np.arange(50, dtype=np.float32) % 4
    sums = [bin_sums(score[part], y[part], weight[part]) for part in (slice(20), slice(20, None), slice(None))]
    assert (sums[0] + sums[1]).tolist() == sums[2].tolist()
    repeated = bin_sums(*(np.repeat(array, weight.astype(int)) for array in (score, y, np.ones(50, np.float32))))
    for kind in ("platt", "isotonic"):
        weighted, whole = (fitted(kind, "log_odds", total.reshape(3, -1)) for total in (sums[2], repeated))
        np.testing.assert_allclose(weighted.scores, whole.scores, rtol=1e-9)
    with pytest.raises(DataError, match="needs rows of both classes"):
        fitted("platt", "log_odds", bin_sums(score, np.ones(50, np.int32), weight).reshape(3, -1))


@pytest.mark.parametrize("kind", ["platt", "isotonic"])
def test_every_prediction_applies_it(rows: Path, tmp_path: Path, kind: str) -> None:
    """The commands, the script and ONNX give the calibrated probabilities of `Model`."""
    onnxruntime = pytest.importorskip("onnxruntime")
    yarnml.run(job(rows, tmp_path, "logistic", kind), "inline")
    model = yarnml.load_model(tmp_path / "models")
    data = rows / "validation.parquet"
    table = pq.read_table(data)
    expected = model.predict_proba(table)
    predict(tmp_path, tmp_path / "out", data)
    written = pq.read_table(tmp_path / "out")
    np.testing.assert_array_equal(np.stack(written["probabilities"].to_pylist()).astype(np.float32), expected)
    assert (written["prediction"].to_numpy() == model.predict(table)).all()
    loss = sk.log_loss(table["target"].to_numpy(), expected)
    assert evaluate_model(tmp_path / "models", data).metrics["log_loss"] == pytest.approx(loss, rel=1e-4)
    x = np.column_stack([table[name].to_numpy() for name in FEATURES])
    np.save(tmp_path / "x.npy", x)
    paths = [str(tmp_path / name) for name in ("models/1", "x.npy", "y.npy")]
    subprocess.run([sys.executable, "-c", CALL, *paths], check=True, timeout=60)
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), expected, atol=1e-5)
    session = onnxruntime.InferenceSession(to_onnx(model.content))
    typed = x.astype({"tensor(float)": np.float32, "tensor(double)": np.float64}[session.get_inputs()[0].type])
    np.testing.assert_allclose(session.run(["outputs"], {"x": typed})[0], expected, atol=1e-5)


@pytest.mark.parametrize(
    ("evaluation", "data", "sentence"),
    [
        ({"calibration": "sigmoid"}, {}, "evaluation.calibration must be 'platt' or 'isotonic'"),
        ({"calibration": "platt"}, {"validation": None}, "evaluation.calibration needs data.validation"),
        ({"calibration": "platt", "threshold": "f1"}, {}, "evaluation.calibration changes them; remove one"),
        ({"calibration": "platt"}, {"label": "mean area", "label_type": "number"}, "the label is a number; remove it"),
    ],
)
def test_bad_calibrations(rows: Path, tmp_path: Path, evaluation: Job, data: Job, sentence: str) -> None:
    """A calibration that can't be fitted is refused in one sentence, and nothing is exported."""
    whole = job(rows, tmp_path, "linear" if "label_type" in data else "logistic", None)
    whole |= {"evaluation": evaluation, "data": whole["data"] | data}
    with pytest.raises(JobFileError, match=sentence):
        yarnml.run(whole, "inline")
    assert not list((tmp_path / "models").glob("[0-9]*"))
