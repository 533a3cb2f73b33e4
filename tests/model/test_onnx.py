"""Models as ONNX: onnxruntime predicts real rows as the model does."""

from typing import Any

import numpy as np
import onnxruntime
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine

import yarnml
from tests.model.test_standalone import diabetes
from yarnml.errors import ExportError
from yarnml.model.onnx_export import to_onnx

CANCER = load_breast_cancer(as_frame=True).frame
WINE = load_wine(as_frame=True).frame
DIABETES = load_diabetes(as_frame=True).frame

CASES = [
    (CANCER, {"kind": "logistic"}),
    (WINE, {"kind": "ordinal"}),
    (diabetes(), {"kind": "huber"}),
    (DIABETES, {"kind": "poisson"}),
    (WINE.assign(target=WINE["target"].map({0: "red", 1: "white", 2: "rosé"})), {"kind": "softmax"}),
    (CANCER, {"kind": "boosting", "trees": 3, "depth": 3}),
    (WINE, {"kind": "forest", "trees": 3, "depth": 3}),
]


@pytest.mark.parametrize(("frame", "learner"), CASES, ids=[learner["kind"] for _, learner in CASES])
def test_onnxruntime_predicts_the_same(frame: Any, learner: dict[str, Any]) -> None:
    """Outputs agree to 1e-5 of the largest, predictions are the same; trees take missing values."""
    model = yarnml.fit(frame, label="target", learner=learner)
    rows = frame.drop(columns="target").astype(np.float64)
    if learner["kind"] in ("boosting", "forest"):
        rows.iloc[::5, :3] = np.nan
    session = onnxruntime.InferenceSession(to_onnx(model.content), providers=["CPUExecutionProvider"])
    kind = np.float64 if session.get_inputs()[0].type == "tensor(double)" else np.float32
    outputs, predictions = session.run(["outputs", "prediction"], {"x": rows.to_numpy(kind)})
    expected = model.outputs(rows)
    np.testing.assert_allclose(outputs, expected, atol=1e-5 * np.abs(expected).max())
    if model.schema.classes:
        assert predictions.tolist() == model.predict(rows).tolist()


@pytest.mark.parametrize(
    ("learner", "sentence"),
    [
        ({"kind": "mlp", "hidden": [4]}, "mlp has no form in ONNX here: linear models and trees have one"),
        ({"kind": "tree", "depth": 2, "categorical": ["kind"]}, "splits by sets of categories have no form in ONNX"),
    ],
    ids=["network", "categories"],
)
def test_what_has_no_form_is_refused(learner: dict[str, Any], sentence: str) -> None:
    """A model that the standard operators do not have ends in one sentence."""
    with pytest.raises(ExportError, match=sentence):
        to_onnx(yarnml.fit(diabetes(), label="target", learner=learner).content)
