"""A model that tests export, and the check of one that is ONNX."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pandas as pd

import yarnml
from yarnml.model.export import write_model
from yarnml.model.model import Model, load_model
from yarnml.model.onnx.export import to_onnx

FOR_PEOPLE = {"model.md", "predict.py"}
"""Files of a version that yarnml does not read; `yarnml models verify` does."""
FILES = {"model.safetensors", "model.json", "model.stablehlo", *FOR_PEOPLE}


def train(folder: Path, digits: Path, **changes: Any) -> str:
    """A small softmax job on the digits; returns the folder of the model's version."""
    job: dict[str, Any] = {
        "name": "digits",
        "data": {"train": str(digits / "train"), "features": ["pixels"], "label": "digit", "scale": "standard"},
        "learner": {"kind": "softmax", "optimizer": {"kind": "adam", "learning_rate": 0.02}},
        "training": {"epochs": 1, "batch_size": 128, "shards": 2},
        "checkpoint": {"path": str(folder / "job")},
        "export": str(folder / "models"),
    }
    outcome = yarnml.run({**job, **changes}, backend="inline", restart=True)
    assert outcome.export
    return outcome.export


def stored(model: Model, folder: Path) -> Model:
    """A model that was fitted in memory, in a folder."""
    arrays, program, _, about, _ = model.content
    write_model(str(folder), arrays, program, {n: v for n, v in about.items() if n not in ("digests", "format")}, None)
    return load_model(folder)


def with_gaps(load: Callable[..., Any]) -> pd.DataFrame:
    """A table of scikit-learn with missing values in a column."""
    frame: pd.DataFrame = load(as_frame=True).frame
    frame.iloc[::7, 2] = np.nan
    return frame


def check_onnx(model: Model, rows: Any) -> None:
    """Predict rows of prepared numbers by onnxruntime: outputs agree to 1e-5 of the largest, classes are the same."""
    session = onnxruntime.InferenceSession(to_onnx(model.content), providers=["CPUExecutionProvider"])
    kind = np.float64 if session.get_inputs()[0].type == "tensor(double)" else np.float32
    outputs, predictions = session.run(["outputs", "prediction"], {"x": rows.to_numpy(kind)})
    expected = model.outputs(rows)
    np.testing.assert_allclose(outputs, expected, atol=1e-5 * np.abs(expected).max())
    if model.schema.classes:
        assert predictions.tolist() == model.predict(rows).tolist()
