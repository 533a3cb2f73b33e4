"""Models as ONNX: onnxruntime predicts real rows as the model does."""

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine

import yarnml
from tests.model.models import check_onnx
from yarnml.model.model import Model

CANCER = load_breast_cancer(as_frame=True).frame
WINE = load_wine(as_frame=True).frame
DIABETES = load_diabetes(as_frame=True).frame

CASES = [
    (WINE, {"kind": "ordinal"}),
    (DIABETES, {"kind": "poisson"}),
]


@pytest.mark.parametrize(("frame", "learner"), CASES, ids=[learner["kind"] for _, learner in CASES])
def test_onnxruntime_predicts_the_same(frame: Any, learner: dict[str, Any]) -> None:
    """Outputs agree to 1e-5 of the largest, predictions are the same."""
    model = yarnml.fit(frame, label="target", learner=learner)
    check_onnx(model, frame.drop(columns="target").astype(np.float64))


def test_trees_take_missing_values(boosting: Model) -> None:
    """A row goes to the side of missing values in onnxruntime, too, in columns that had none in training as well."""
    rows = CANCER.drop(columns="target")
    rows.iloc[::5, :3] = np.nan
    check_onnx(boosting, rows)
