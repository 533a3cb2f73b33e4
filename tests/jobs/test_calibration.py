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
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.frozen import FrozenEstimator

import yarnml
from tests.jobs.test_evaluate import evaluate_model
from tests.jobs.test_predict import predict
from yarnml.data.calibration import LEAST_PROBABILITY, scores_of
from yarnml.data.schema import Rows
from yarnml.errors import DataError, JobFileError
from yarnml.model.onnx.export import to_onnx
from yarnml.worker.calibration import class_sums, fitted

pytestmark = pytest.mark.long

FEATURES = {
    "svm": ["mean smoothness", "mean texture", "mean symmetry"],
    "logistic": ["mean smoothness", "mean texture", "mean symmetry"],
    "softmax": ["alcohol", "ash", "magnesium"],
}
"""Columns by learner: of cancer, and of wine, which has three classes."""

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
    """Rows in two files for each learner, to train on and to validate on."""
    folder = tmp_path_factory.mktemp("rows")
    cancer = load_breast_cancer(as_frame=True).frame
    wine = load_wine(as_frame=True).frame.sample(frac=1, random_state=0)
    for learner, frame, count in (("logistic", cancer, 250), ("svm", cancer, 250), ("softmax", wine, 80)):
        table = pa.Table.from_pandas(frame, preserve_index=False)
        pq.write_table(table.slice(0, count), folder / f"{learner}-train.parquet", row_group_size=50)
        pq.write_table(table.slice(count), folder / f"{learner}-validation.parquet", row_group_size=50)
    return folder


def job(rows: Path, folder: Path, learner: str, kind: str | None) -> Job:
    return {
        "name": "calibration",
        "data": {
            "train": str(rows / f"{learner}-train.parquet"),
            "validation": str(rows / f"{learner}-validation.parquet"),
            "features": FEATURES[learner],
            "label": "target",
            "classes": [0, 1, 2] if learner == "softmax" else [0, 1],
        },
        "learner": {"kind": learner},
        "training": {"shards": 3},
        "evaluation": {"calibration": kind, "metrics": ["log_loss"]},
        "checkpoint": {"path": str(folder / "job")},
        "export": str(folder / "models"),
    }


@pytest.fixture(scope="module")
def plain(rows: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, npt.NDArray[Any]]:
    """The outputs of each learner for the validation rows, not calibrated."""
    outputs = {}
    for learner in FEATURES:
        folder = tmp_path_factory.mktemp(learner)
        yarnml.run(job(rows, folder, learner, None), "inline")
        table = pq.read_table(rows / f"{learner}-validation.parquet")
        outputs[learner] = yarnml.load_model(folder / "models").outputs(table)
    return outputs


class Scores(ClassifierMixin, BaseEstimator):
    """A fitted classifier of scikit-learn's kind whose rows are scores already, one for each class or of the second."""

    def __init__(self, classes: int = 2) -> None:
        self.classes = classes
        self.classes_ = np.arange(classes)

    def fit(self, x: Any, y: Any) -> "Scores":
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def decision_function(self, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return x[:, 0] if x.shape[1] == 1 else x

    def predict(self, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return (x[:, 0] > 0).astype(int) if x.shape[1] == 1 else x.argmax(axis=1)


METHODS = {"platt": "sigmoid", "isotonic": "isotonic", "temperature": "temperature"}


def scores_by_class(outputs: npt.NDArray[Any], learner: str, kind: str) -> npt.NDArray[np.float64]:
    """[rows, classes], of two classes [rows, 1]: what scikit-learn's function of this kind takes."""
    if kind == "temperature" and outputs.shape[1] > 2:
        return np.asarray(np.log(np.maximum(outputs.astype(float), LEAST_PROBABILITY)))
    rule = "margin" if learner == "svm" else "log_odds"
    scores = np.stack([scores_of(output, rule) for output in outputs.T], axis=1)
    if outputs.shape[1] > 2:
        return scores
    return scores[:, 1:] / 2 if kind == "temperature" else scores[:, 1:]  # it takes (-x, x) for logarithms


@pytest.mark.parametrize(
    ("learner", "kind", "tolerance"),
    [
        pytest.param("logistic", "platt", 1e-5, marks=pytest.mark.breadth),
        pytest.param("logistic", "isotonic", 1e-3, marks=pytest.mark.breadth),
        pytest.param("logistic", "temperature", 1e-5, marks=pytest.mark.breadth),
        pytest.param("svm", "platt", 1e-5, marks=pytest.mark.breadth),
        ("svm", "isotonic", 1e-3),
        pytest.param("softmax", "platt", 1e-5, marks=pytest.mark.breadth),
        pytest.param("softmax", "isotonic", 1e-3, marks=pytest.mark.breadth),
        ("softmax", "temperature", 1e-5),
    ],
)
def test_it_is_scikit_learns(
    rows: Path, plain: dict[str, npt.NDArray[Any]], tmp_path: Path, learner: str, kind: str, tolerance: float
) -> None:
    """Probabilities are those of CalibratedClassifierCV on the same scores, and better than before on its own rows."""
    outcome = yarnml.run(job(rows, tmp_path, learner, kind), "inline")
    table = pq.read_table(rows / f"{learner}-validation.parquet")
    y = table["target"].to_numpy()
    outputs = plain[learner]
    scores = scores_by_class(outputs, learner, kind)
    classifier = CalibratedClassifierCV(FrozenEstimator(Scores(outputs.shape[1])), method=METHODS[kind])
    expected = classifier.fit(scores, y).predict_proba(scores)
    ours = yarnml.load_model(tmp_path / "models").outputs(table)
    np.testing.assert_allclose(ours, expected, atol=tolerance)
    assert outcome.metrics["validation"]["log_loss"] == pytest.approx(sk.log_loss(y, ours), rel=1e-4)
    if learner == "logistic":
        assert sk.log_loss(y, ours) < sk.log_loss(y, outputs)


@pytest.mark.parametrize("classes", [2, 3])
def test_weights_count_and_parts_add_up(classes: int) -> None:
    """A row of weight 3 counts as three rows, sums of parts of the rows add up to the bit, no class may lack rows."""
    outputs = np.random.default_rng(0).dirichlet(np.ones(classes), 50).astype(np.float32)
    y = (np.arange(50) % classes).astype(np.int32)
    weight = np.arange(50, dtype=np.float32) % 4
    parts = [Rows(outputs, y, weight).between(low, high) for low, high in ((0, 20), (20, 50), (0, 50))]
    sums = [class_sums(part.x, part, "log_odds") for part in parts]
    assert (sums[0] + sums[1]).tolist() == sums[2].tolist()
    more = Rows.of(
        (np.repeat(array, weight.astype(int), axis=0) for array in (outputs, y, np.ones(50, np.float32))), None
    )
    repeated = class_sums(more.x, more, "log_odds")
    for kind in ("platt", "isotonic"):
        weighted, whole = (fitted(kind, "log_odds", total, range(classes)) for total in (sums[2], repeated))
        for ours, expected in zip([weighted, *weighted.curves], [whole, *whole.curves], strict=True):
            np.testing.assert_allclose(ours.scores, expected.scores, rtol=1e-9)
    lacking = class_sums(outputs, Rows(outputs, np.minimum(y, classes - 2), weight), "log_odds")
    with pytest.raises(DataError, match="needs rows of every class"):
        fitted("platt", "log_odds", lacking, range(classes))


@pytest.mark.parametrize(
    ("learner", "kind"),
    [
        pytest.param("logistic", "platt", marks=pytest.mark.breadth),
        ("logistic", "isotonic"),
        ("softmax", "platt"),
        pytest.param("softmax", "isotonic", marks=pytest.mark.breadth),
        ("softmax", "temperature"),
    ],
)
def test_every_prediction_applies_it(rows: Path, tmp_path: Path, learner: str, kind: str) -> None:
    """The commands, the script and ONNX give the calibrated probabilities of `Model`."""
    onnxruntime = pytest.importorskip("onnxruntime")
    yarnml.run(job(rows, tmp_path, learner, kind), "inline")
    model = yarnml.load_model(tmp_path / "models")
    data = rows / f"{learner}-validation.parquet"
    table = pq.read_table(data)
    expected = model.predict_proba(table)
    predict(tmp_path, tmp_path / "out", data)
    written = pq.read_table(tmp_path / "out")
    np.testing.assert_array_equal(np.stack(written["probabilities"].to_pylist()).astype(np.float32), expected)
    assert (written["prediction"].to_numpy() == model.predict(table)).all()
    loss = sk.log_loss(table["target"].to_numpy(), expected)
    assert evaluate_model(tmp_path / "models", data).metrics["log_loss"] == pytest.approx(loss, rel=1e-4)
    x = np.column_stack([table[name].to_numpy() for name in FEATURES[learner]])
    np.save(tmp_path / "x.npy", x)
    paths = [str(tmp_path / name) for name in ("models/1", "x.npy", "y.npy")]
    subprocess.run([sys.executable, "-c", CALL, *paths], check=True, timeout=60)
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), expected, atol=1e-5)
    session = onnxruntime.InferenceSession(to_onnx(model.content))
    typed = x.astype({"tensor(float)": np.float32, "tensor(double)": np.float64}[session.get_inputs()[0].type])
    np.testing.assert_allclose(session.run(["outputs"], {"x": typed})[0], expected, atol=1e-5)


@pytest.mark.parametrize(
    ("learner", "evaluation", "data", "sentence"),
    [
        ("logistic", {"calibration": "sigmoid"}, {}, "must be 'platt' or 'isotonic' or 'temperature'"),
        ("logistic", {"calibration": "platt"}, {"validation": None}, "evaluation.calibration needs data.validation"),
        (
            "logistic",
            {"calibration": "platt", "threshold": "f1"},
            {},
            "evaluation.calibration changes them; remove one",
        ),
        ("svm", {"calibration": "temperature"}, {}, "the outputs of svm are none; take platt"),
        (
            "linear",
            {"calibration": "platt"},
            {"label": "mean area", "label_type": "number", "classes": None},
            "the label is a number; remove it",
        ),
    ],
)
def test_bad_calibrations(rows: Path, tmp_path: Path, learner: str, evaluation: Job, data: Job, sentence: str) -> None:
    """A calibration that can't be fitted is refused in one sentence, and nothing is exported."""
    whole = job(rows, tmp_path, "logistic", None)
    whole |= {"evaluation": evaluation, "data": whole["data"] | data, "learner": {"kind": learner}}
    with pytest.raises(JobFileError, match=sentence):
        yarnml.run(whole, "inline")
    assert not list((tmp_path / "models").glob("[0-9]*"))
