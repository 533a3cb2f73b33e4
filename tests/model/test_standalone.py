"""The program and the card beside a model: predictions without yarnml, and nothing but facts."""

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine

import yarnml
from tests.model.models import check_onnx, stored, with_gaps
from yarnml.errors import ExportError
from yarnml.model.model import Model
from yarnml.model.onnx.export import to_onnx

pytestmark = pytest.mark.long

RUN = """
import sys
sys.path.insert(0, sys.argv[1])
import predict
predict.main(sys.argv[2])
assert not {"yarnml", *sys.argv[3:]} & sys.modules.keys()
"""


def wine() -> pd.DataFrame:
    """Rows whose label is text."""
    frame = load_wine(as_frame=True).frame
    return frame.assign(target=frame["target"].map({0: "red", 1: "white", 2: "rosé"}))


def diabetes() -> pd.DataFrame:
    """Rows with missing values, and a column of large numbers that are close to each other."""
    frame = load_diabetes(as_frame=True).frame[["age", "bmi", "s5", "target"]]
    frame["age"] = 1.7e9 + np.round(1e4 * frame["age"])
    frame["kind"] = np.arange(len(frame)) % 5
    return frame


@pytest.mark.long
@pytest.mark.parametrize(
    ("frame", "learner", "absent"),
    [
        (wine(), {"kind": "softmax"}, ["jax"]),
        (diabetes(), {"kind": "linear"}, ["jax"]),
        (diabetes(), {"kind": "boosting", "trees": 3, "depth": 3, "categorical": ["kind"]}, ["jax"]),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else "",
)
def test_the_script_predicts(frame: Any, learner: dict[str, Any], absent: list[str], tmp_path: Path) -> None:
    """Each kind's script predicts, without JAX where the kind needs none."""
    model = stored(yarnml.fit(frame, label="target", learner=learner), tmp_path / "1")
    rows = frame.drop(columns="target").head(50)
    if learner["kind"] == "boosting":
        rows.iloc[::7, 1] = np.nan
    check_script(model, rows, absent, tmp_path)


def test_the_script_of_a_forest(forest: Model, tmp_path: Path) -> None:
    """Shares of three classes, with missing values."""
    check_script(forest, with_gaps(load_wine).drop(columns="target"), ["jax"], tmp_path)


def test_the_script_of_a_network(network: Model, tmp_path: Path) -> None:
    """A network needs JAX, and not yarnml."""
    check_script(network, load_wine(as_frame=True).frame.drop(columns="target").head(50), [], tmp_path)


def test_a_command_line(forest: Model, tmp_path: Path) -> None:
    """A reader that has seen enough ends it without a word; what it can't use is told in a line."""
    script = [sys.executable, str(stored(forest, tmp_path / "1").folder) + "/predict.py"]
    rows = tmp_path / "rows.csv"
    with_gaps(load_wine).drop(columns="target").to_csv(rows, index=False)
    with subprocess.Popen([*script, rows], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == -signal.SIGPIPE
    rows.write_text("alcohol\n13\n")
    for arguments, line in (([rows], "rows.csv lacks 'malic_acid'"), ([], "usage: ")):
        done = subprocess.run([*script, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert line in done.stderr
        assert done.stderr.count("\n") == 1


def check_script(model: Model, rows: pd.DataFrame, absent: list[str], tmp_path: Path) -> None:
    """The script prints the model's predictions without ``absent`` packages; so does ONNX, or it is refused."""
    rows.to_csv(tmp_path / "rows.csv", index=False)
    line = [sys.executable, "-c", RUN, model.folder, str(tmp_path / "rows.csv"), *absent]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    expected = model.predict(rows)
    if model.schema.classes:
        assert done.stdout.split() == [str(one) for one in expected]
    else:
        numbers = done.stdout.replace("[", " ").replace("]", " ").split()
        np.testing.assert_allclose([float(one) for one in numbers], expected.ravel(), rtol=1e-5)
    learner = model.about["learner"]
    if learner.get("categorical") or learner["kind"] in ("recurrent", "transformer"):
        with pytest.raises(ExportError, match="no form in ONNX"):
            to_onnx(model.content)
    else:
        check_onnx(model, rows)


def test_the_card_says_what_model_json_says(tmp_path: Path) -> None:
    """A card has the label, the metrics, columns, coefficients and remarks; names of columns are no markup."""
    frame = load_breast_cancer(as_frame=True).frame[["mean radius", "mean texture", "target"]]
    frame = frame.rename(columns={"mean texture": "<b>|texture"})
    model = stored(yarnml.fit(frame, label="target", learner="logistic"), tmp_path / "1")
    text = (tmp_path / "1/model.md").read_text()
    assert "predicts `target`, one of 2 classes (0, 1)" in text
    assert "\\<b\\>\\|texture" in text
    assert "it was not tested on rows that had no part in its training" in text
    for value in model.coefficients()["coefficient"].to_pylist():
        assert f"{value:.6g}" in text
    assert f"| train | {len(frame)} |" in text
