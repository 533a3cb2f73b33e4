"""Several quantiles of one label in one job: training, metrics, predictions and export, and what refuses them."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes
from sklearn.linear_model import QuantileRegressor
from sklearn.metrics import d2_pinball_score, mean_pinball_loss

import yarnml
from tests.jobs.test_predict import predict
from tests.jobs.test_same_bits import model_digest
from tests.model.test_standalone import check_script
from tests.tiers import cases
from yarnml.errors import JobFileError
from yarnml.job.load import load_job

pytestmark = pytest.mark.long

SHARES = [0.1, 0.5, 0.9]
NAMES = ["prediction_0.1", "prediction_0.5", "prediction_0.9"]

LEARNERS: dict[str, dict[str, Any]] = {
    "quantile": {"kind": "quantile", "quantile": SHARES},
    "boosting": {"kind": "boosting", "objective": "quantile", "quantile": SHARES, "trees": 5, "depth": 3},
    "mlp": {"kind": "mlp", "quantile": SHARES, "hidden": [8]},
    "cnn": {"kind": "cnn", "quantile": SHARES, "channels": [4], "hidden": [8]},
    "recurrent": {"kind": "recurrent", "quantile": SHARES, "cell": "rnn", "units": [4]},
    "transformer": {"kind": "transformer", "quantile": SHARES, "embedding": 8, "blocks": 1, "heads": 2},
}
SHAPES = {"cnn": [2, 2, 1], "recurrent": [4, 1], "transformer": [4, 1]}
OF_LAYERS = ["mlp", *SHAPES]


def diabetes() -> pd.DataFrame:
    """Four measures of patients, and the progress of their disease a year later."""
    frame: pd.DataFrame = load_diabetes(as_frame=True, scaled=False).frame[["bmi", "bp", "s1", "s5", "target"]]
    return frame


def losses(y: Any, predicted: Any) -> list[float]:
    """scikit-learn's loss of each quantile."""
    return [mean_pinball_loss(y, own, alpha=share) for own, share in zip(predicted.T, SHARES, strict=True)]


@pytest.mark.parametrize("kind", cases(LEARNERS, ["quantile", "mlp", "boosting"]))
def test_a_model_predicts_each_quantile_in_order(kind: str, tmp_path: Path) -> None:
    """Metrics are scikit-learn's, files have a column for each, and scripts and ONNX predict the same."""
    frame = diabetes()
    x = frame.drop(columns="target")
    sections: dict[str, Any] = {"training": {"epochs": 10}} if kind in OF_LAYERS else {}
    sections |= {"data": {"shape": SHAPES[kind]}} if kind in SHAPES else {}
    model = yarnml.fit(
        frame, label="target", learner=LEARNERS[kind], test=frame, export=tmp_path / "models", **sections
    )
    predicted = model.predict(frame)
    assert predicted.shape == (len(frame), 3)
    assert (np.diff(predicted, axis=1) >= 0).all()
    metrics = model.about["metrics"]["test"]
    own = [metrics[f"quantile_loss_{share}"] for share in SHARES]
    np.testing.assert_allclose(own, losses(frame["target"], predicted), rtol=1e-5)
    assert metrics["quantile_loss"] == pytest.approx(np.mean(own))
    below = (frame["target"].to_numpy()[:, None] <= predicted).mean(axis=0)
    np.testing.assert_allclose([metrics[f"coverage_{share}"] for share in SHARES], below, atol=0.01)
    d2 = [d2_pinball_score(frame["target"], q, alpha=share) for q, share in zip(predicted.T, SHARES, strict=True)]
    assert model.score(frame) == pytest.approx(np.mean(d2), rel=1e-3)
    check_script(model, x, [] if kind in OF_LAYERS else ["jax"], tmp_path)
    frame.to_csv(tmp_path / "rows.csv", index=False)
    predict(tmp_path, tmp_path / "out", "rows.csv", keep=["target"])
    written = pd.read_parquet(tmp_path / "out")
    assert [*written] == ["target", *NAMES]
    np.testing.assert_allclose(written[NAMES], predicted, rtol=1e-5)


def test_lines_are_those_of_scikit_learn() -> None:
    """Each line has the loss of the exact one within 1e-3 of it, in the units of the data."""
    frame = diabetes()
    x = frame.drop(columns="target")
    model = yarnml.fit(frame, label="target", learner=LEARNERS["quantile"])
    table = model.coefficients().to_pandas().pivot(index="feature", columns="quantile", values="coefficient")
    lines = x.to_numpy() @ table.loc[[*x], SHARES].to_numpy() + table.loc["(intercept)", SHARES].to_numpy()
    exact = [QuantileRegressor(quantile=share, alpha=0).fit(x, frame["target"]).predict(x) for share in SHARES]
    np.testing.assert_allclose(losses(frame["target"], lines), losses(frame["target"], np.transpose(exact)), rtol=1e-3)
    assert model.explain(x.head(3)).output_names == ["0.1", "0.5", "0.9"]


@pytest.mark.parametrize(
    "kind", ["boosting", *(pytest.param(kind, marks=pytest.mark.breadth) for kind in ("quantile", "mlp"))]
)
def test_two_processes_train_the_bits_of_one(kind: str, tmp_path: Path) -> None:
    """Two workers have the model of a single process."""
    diabetes().to_parquet(tmp_path / "rows.parquet")
    job = {
        "name": "quantiles",
        "data": {"train": str(tmp_path / "rows.parquet"), "features": ["bmi", "bp", "s1", "s5"], "label": "target"},
        "learner": LEARNERS[kind],
        "training": {"epochs": 8, "shards": 3},
    }
    for number, count in enumerate((1, 2)):
        folders = {"checkpoint": {"path": str(tmp_path / f"job{number}")}, "export": str(tmp_path / f"models{number}")}
        yarnml.run(job | folders | {"workers": {"count": count}}, "inline" if count == 1 else "local")
    digests = [model_digest({"export": tmp_path / f"models{number}"}) for number in (0, 1)]
    assert digests[0] == digests[1]


REFUSED = {
    r"learner.quantile must list shares in ascending order, each once, not \[0.9, 0.1\]": {
        "learner": {"kind": "quantile", "quantile": [0.9, 0.1]}
    },
    "learner.quantile lists several quantiles of one label, but data.label names 2": {
        "learner": LEARNERS["mlp"],
        "data": {"label": ["a", "b"]},
    },
    "learner.horizon predicts several values, and learner.quantile several quantiles of one": {
        "learner": LEARNERS["recurrent"] | {"horizon": 1}
    },
    "learner.task generate has no quantile": {
        "learner": LEARNERS["transformer"] | {"task": "generate"},
        "data": {"label": None},
    },
    "learner.quantile lists several, but learner.objective is auto; set it to quantile": {
        "learner": {"kind": "boosting", "quantile": SHARES}
    },
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_does_not_go_together_is_refused(words: str) -> None:
    """A list of quantiles is in order, of one label, and of the loss of quantiles."""
    job = {"name": "x", "data": {"train": "x.csv", "features": ["c"], "label": "a"}}
    changed = {name: {**job.get(name, {}), **fields} for name, fields in REFUSED[words].items()}
    with pytest.raises(JobFileError, match=words):
        load_job({**job, **changed})


@pytest.mark.parametrize("kind", ["boosting", "mlp"])
def test_classes_have_no_quantiles(kind: str) -> None:
    """A label of classes is refused with the way out."""
    frame = diabetes().assign(target=lambda rows: np.where(rows["target"] > 140, "high", "low"))
    with pytest.raises(JobFileError, match=r"'target' is a class label; set data\.label_type: number"):
        yarnml.fit(frame, label="target", learner=LEARNERS[kind])
