"""Several labels in one job: training, metrics, predictions, evaluation and export, and what refuses them."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits, load_linnerud
from sklearn.linear_model import LinearRegression, LogisticRegression

import yarnml
from tests.jobs.test_evaluate import evaluate_model
from tests.jobs.test_predict import predict
from tests.model.models import check_onnx
from tests.model.test_standalone import RUN
from yarnml.errors import DataError, JobFileError
from yarnml.job.load import load_job
from yarnml.sklearn import Classifier, Regressor

pytestmark = pytest.mark.long

BODY = ["Weight", "Waist", "Pulse"]
BITS = ["one", "two", "four"]


def linnerud() -> pd.DataFrame:
    """Three exercises, and three measures of the bodies of those who did them."""
    frame: pd.DataFrame = load_linnerud(as_frame=True).frame
    return frame


def digits() -> pd.DataFrame:
    """The first digits, with the bits of each as labels of text, as CSV files have them."""
    x, y = load_digits(n_class=8, return_X_y=True)
    frame = pd.DataFrame(x[:400, 10:30] / 16).add_prefix("p")
    return frame.assign(**{name: np.where(y[:400] >> k & 1, "yes", "no") for k, name in enumerate(BITS)})


@pytest.fixture(scope="module")
def bits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the rows of digits as CSV, and a logistic model of their bits."""
    folder = tmp_path_factory.mktemp("bits")
    digits().to_csv(folder / "rows.csv", index_label="row")
    job = {
        "name": "bits",
        "data": {"train": str(folder / "rows.csv"), "features": ["p*"], "label": BITS},
        "learner": {"kind": "logistic"},
        "checkpoint": {"path": str(folder / "job")},
        "export": str(folder / "models"),
    }
    yarnml.run(job, backend="inline")
    return folder


def test_numbers_are_those_of_separate_models(tmp_path: Path) -> None:
    """Least squares of three labels are scikit-learn's; coefficients, score and ONNX know each label."""
    frame = linnerud()
    model = yarnml.fit(frame, label=BODY, learner="linear", export=tmp_path, test=frame)
    x = frame.drop(columns=BODY)
    expected = LinearRegression().fit(x, frame[BODY])
    np.testing.assert_allclose(model.predict(x), expected.predict(x), rtol=1e-5)
    assert model.score(frame) == pytest.approx(expected.score(x, frame[BODY]), rel=1e-5)
    assert model.score(x, frame[BODY]) == model.score(frame) == pytest.approx(model.about["metrics"]["test"]["r2"])
    table = model.coefficients().to_pandas().pivot(index="feature", columns="label", values="coefficient")
    np.testing.assert_allclose(table.loc[[*x], BODY], expected.coef_.T, rtol=1e-4)
    check_onnx(model, x)


def test_classes_are_those_of_separate_models(bits: Path) -> None:
    """Each bit of a digit is predicted as by a model of its own, in the labels' own words."""
    model = yarnml.load_model(bits / "models")
    frame = digits()
    x = frame.drop(columns=BITS)
    scaled = (x - x.mean()) / x.std(ddof=0).replace(0, 1)
    for k, name in enumerate(BITS):
        one = LogisticRegression(C=2, tol=1e-8, max_iter=1000).fit(scaled, frame[name])
        np.testing.assert_allclose(model.predict_proba(x)[:, k], one.predict_proba(scaled)[:, 1], atol=2e-4)
    predicted = model.predict(x)
    assert model.score(frame) == (predicted == frame[BITS]).all(axis=1).mean() > 0.5
    check_onnx(model, x)


def test_predictions_have_a_column_for_each_label(bits: Path, tmp_path: Path) -> None:
    """Files hold the predictions of the loaded model; a column of that name can't be kept."""
    predict(bits, tmp_path / "out", "rows.csv", keep=["row", *BITS])
    table = pd.read_parquet(tmp_path / "out")
    model = yarnml.load_model(bits / "models")
    assert [*table] == ["row", *BITS, *(f"prediction_{b}" for b in BITS), *(f"probability_{b}" for b in BITS)]
    assert (table[[f"prediction_{b}" for b in BITS]].to_numpy() == model.predict(digits())).all()
    digits().rename(columns={"one": "prediction_one"}).to_csv(bits / "named.csv")
    with pytest.raises(JobFileError, match="can't keep a column 'prediction_one': the output has one"):
        predict(bits, tmp_path / "other", "named.csv", keep=["prediction_one"])


def test_an_evaluation_has_averages_and_each_label(bits: Path) -> None:
    """A stored model is evaluated by the metrics of several labels; the script beside it predicts the same."""
    metrics = evaluate_model(bits / "models", bits / "rows.csv").metrics
    model = yarnml.load_model(bits / "models")
    assert metrics["subset_accuracy"] == pytest.approx(model.score(digits()))
    assert {"hamming_loss", "micro_f1", "macro_f1", "f1[two]"} <= metrics.keys()
    line = [sys.executable, "-c", RUN, bits / "models/1", bits / "rows.csv", "jax"]
    printed = subprocess.run(line, capture_output=True, text=True, check=True).stdout
    assert printed.splitlines()[0] == str(model.predict(digits().head(1))[0])


def test_a_network_of_several_labels() -> None:
    """Labels of very different sizes are learnt together, each in its own unit, and explained by name."""
    frame = linnerud()
    model = yarnml.fit(frame, label=BODY, learner="mlp")
    x = frame.drop(columns=BODY)
    assert model.score(frame) > 0.2
    explained = model.explain(x.head(3), orders=2)
    assert explained.output_names == BODY
    np.testing.assert_allclose(
        explained.base_values + explained.values.sum(axis=1), model.predict(x.head(3)), rtol=1e-3
    )


def test_adapters_of_scikit_learn() -> None:
    """y may have two dimensions: numbers, or 0 and 1."""
    frame = linnerud()
    x = frame.drop(columns=BODY).to_numpy()
    line = Regressor("linear").fit(x, frame[BODY])
    np.testing.assert_allclose(line.predict(x), LinearRegression().fit(x, frame[BODY]).predict(x), rtol=1e-5)
    y = (frame[BODY] > frame[BODY].median()).to_numpy(np.int64)
    labels = Classifier("logistic").fit(x, y)
    assert labels.predict(x).shape == labels.predict_proba(x).shape == y.shape
    assert labels.score(x, y) == labels.model_.score(x, y)


def test_trees_of_several_labels() -> None:
    """A leaf without bound on the depth holds every label of its row; no order of a feature holds for all of them."""
    frame = linnerud().drop_duplicates(["Chins", "Situps", "Jumps"])
    model = yarnml.fit(frame, label=BODY, learner={"kind": "tree", "depth": "none"})
    np.testing.assert_allclose(model.predict(frame), frame[BODY], rtol=1e-4)
    with pytest.raises(
        JobFileError, match=r"learner\.monotone needs a number or two classes; there are several labels"
    ):
        yarnml.fit(frame, label=BODY, learner={"kind": "tree", "monotone": {"Chins": "increasing"}})


REFUSED = {
    "learner.kind svm predicts one label, but data.label names 3": {"learner": {"kind": "svm"}},
    "data.label names a column twice": {"data": {"label": ["Weight", "Weight"]}},
    "data.features must not contain the label 'Waist'": {"data": {"features": ["Chins", "Waist"]}},
    "data.stratify is for one label, but data.label names 3": {"data": {"stratify": True, "validation": 0.2}},
    "data.class_weights is for one label": {"data": {"class_weights": "balanced"}},
    "evaluation.calibration is for one label": {
        "data": {"validation": 0.2},
        "evaluation": {"calibration": "platt"},
    },
    "data.exposure is for one label": {"data": {"exposure": "Jumps"}},
    "target of data.prepare is for one label": {"data": {"prepare": [{"kind": "target", "columns": ["Chins"]}]}},
    "data.classes of several labels are two": {"data": {"classes": [1, 2, 3]}},
    "learner.robust is about errors of coefficients": {"learner": {"kind": "linear", "robust": "HC1"}},
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_is_for_one_label_is_refused(words: str) -> None:
    """A field or a learner of a single label is named before anything starts."""
    job = {"name": "x", "data": {"train": "x.csv", "features": ["Chins"], "label": BODY}, "learner": {"kind": "linear"}}
    changed = {name: {**job.get(name, {}), **fields} for name, fields in REFUSED[words].items()}
    with pytest.raises(JobFileError, match=words):
        load_job({**job, **changed})


def test_labels_that_do_not_go_together_are_refused() -> None:
    """Classes that are not the same two, and text beside numbers, end the job in one sentence."""
    frame = linnerud().astype({"Waist": int, "Pulse": int})
    with pytest.raises(
        DataError, match=r"holds the same two classes, but 'Waist', 'Pulse' hold .* data.label_type: num"
    ):
        yarnml.fit(frame, label=["Waist", "Pulse"], learner="mlp")
    with pytest.raises(JobFileError, match="column 'Waist' holds text and column 'Weight' numbers"):
        yarnml.fit(frame.assign(Waist="a", Weight=0.5), label=["Waist", "Weight"], learner="mlp")
