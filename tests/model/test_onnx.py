"""Models as ONNX: onnxruntime predicts real rows as the model does."""

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine

import yarnml
from tests.model.models import check_onnx

CANCER = load_breast_cancer(as_frame=True).frame
WINE = load_wine(as_frame=True).frame
DIABETES = load_diabetes(as_frame=True).frame

CASES = [
    (WINE, {"kind": "ordinal"}),
    (DIABETES, {"kind": "poisson"}),
    (CANCER, {"kind": "boosting", "trees": 3, "depth": 3}),
]


@pytest.mark.parametrize(("frame", "learner"), CASES, ids=[learner["kind"] for _, learner in CASES])
def test_onnxruntime_predicts_the_same(frame: Any, learner: dict[str, Any]) -> None:
    """Outputs agree to 1e-5 of the largest, predictions are the same; trees take missing values."""
    model = yarnml.fit(frame, label="target", learner=learner)
    rows = frame.drop(columns="target").astype(np.float64)
    if learner["kind"] == "boosting":
        rows.iloc[::5, :3] = np.nan
    check_onnx(model, rows)
