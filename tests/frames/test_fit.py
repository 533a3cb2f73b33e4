"""A fit to a frame: every form of rows gives the same model, nothing is left behind, and errors name the table."""

import os
import pickle
import resource
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax.monitoring
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.datasets import load_iris

import yarnml
from yarnml.errors import DataError, ExportError, JobFileError

X, Y = load_iris(return_X_y=True)
NAMES = ["sepal length", "sepal width", "petal length", "petal width"]
SPECIES = np.array(["setosa", "versicolor", "virginica"])[Y]
SOFTMAX = {"kind": "softmax", "solver": "newton"}

IRIS = pd.DataFrame(X, columns=NAMES, index=pd.Index(range(1000, 1150))).assign(species=SPECIES)

COMPILATION = "/jax/core/compile/backend_compile_duration"


@pytest.fixture(autouse=True)
def _nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test leaves anything in the folder of temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield
    assert not [*folder.iterdir()]


@pytest.mark.long
def test_every_kind_of_frame_gives_the_same_model() -> None:
    """Frames of pandas, Polars and Arrow, mappings, and an array with labels beside it are the same rows."""
    table = pa.Table.from_pandas(IRIS, preserve_index=False)
    frames = [IRIS, pl.from_pandas(IRIS), table, {n: IRIS[n] for n in IRIS}, table.to_pydict()]
    categories = IRIS.assign(species=IRIS["species"].astype("category"))
    models = [yarnml.fit(frame, label="species", learner=SOFTMAX) for frame in [*frames, categories]]
    for labels in (SPECIES, SPECIES.tolist(), IRIS["species"], pl.Series(SPECIES), pa.array(SPECIES)):
        models.append(yarnml.fit(X, label=labels, learner=SOFTMAX))
    expected = models[0].predict_proba(IRIS)
    for model in models[:6]:
        for frame in frames:
            np.testing.assert_array_equal(model.predict_proba(frame), expected)
    for model in models[6:]:
        np.testing.assert_array_equal(model.predict_proba(X), expected)
        assert model.schema.names == ["x[0]", "x[1]", "x[2]", "x[3]"]
    assert models[0].predict(pl.from_pandas(IRIS)).tolist() == models[0].predict(IRIS).tolist()


@pytest.mark.long
def test_the_model_tells_its_score() -> None:
    """Accuracy and R² are scikit-learn's, from a table's label or from labels and weights beside it."""
    model = yarnml.fit(IRIS, label="species", learner=SOFTMAX)
    right = model.predict(IRIS) == SPECIES
    weight = np.arange(150.0)
    assert model.score(IRIS) == model.score(X, SPECIES) == right.mean() > 0.95
    assert model.score(IRIS, SPECIES, weight) == pytest.approx(np.average(right, weights=weight))
    line = yarnml.fit(X[:, :3], label=X[:, 3], learner={"kind": "linear", "solver": "normal"})
    errors = np.square(X[:, 3] - line.predict(X[:, :3]))
    spread = np.square(X[:, 3] - X[:, 3].mean())
    assert line.score(X[:, :3], X[:, 3]) == pytest.approx(1 - errors.sum() / spread.sum())
    assert line.coefficients()["feature"].to_pylist() == ["(intercept)", "x[0]", "x[1]", "x[2]"]


@pytest.mark.long
def test_what_a_model_has_not_is_said() -> None:
    """Probabilities of numbers, scores without labels, and labels of another length are refused in one sentence."""
    line = yarnml.fit(X[:, :3], label=X[:, 3], learner={"kind": "linear", "solver": "normal"})
    with pytest.raises(ExportError, match="Only a model of classes has probabilities"):
        line.predict_proba(X[:, :3])
    with pytest.raises(DataError, match="score needs label"):
        line.score(X[:, :3])
    with pytest.raises(DataError, match="score needs one label and one weight for each of 150 rows, got 3 labels"):
        line.score(X[:, :3], [1, 2, 3])
    centres = yarnml.fit(X, learner={"kind": "kmeans", "clusters": 3})
    assert {*centres.predict(X)} <= {0, 1, 2}
    with pytest.raises(ExportError, match="Only a model with a label has a score"):
        centres.score(X, Y)


@pytest.mark.long
def test_a_model_can_be_pickled() -> None:
    """A pickled model predicts the same, without any file, and still has its outcome."""
    model = yarnml.fit(X, label=Y, learner=SOFTMAX, test=(X, Y))
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.outputs(X), model.outputs(X))
    assert copy.outcome == model.outcome
    assert copy.outcome.metrics["test"]["accuracy"] == model.score(X, Y)
    assert (copy.outcome.export, copy.outcome.checkpoint, copy.folder) == (None, "", "")


def test_the_next_fit_compiles_nothing() -> None:
    """A second fit with the same options finds everything compiled, also on other rows of about as many."""
    compiled: list[str] = []
    jax.monitoring.register_event_duration_secs_listener(
        lambda event, duration, **more: compiled.append(event) if event == COMPILATION else None
    )
    learner = {"kind": "linear", "solver": "newton", "l2": 0.5}  # of no other test
    yarnml.fit(X[:120, :3], label=X[:120, 3], learner=learner).predict(X[:, :3])
    assert compiled
    compiled.clear()
    yarnml.fit(X[29:149, :3], label=X[29:149, 3], learner=learner).predict(X[:, :3])
    assert not compiled


def test_all_can_be_kept(tmp_path: Path) -> None:
    """``keep`` holds the rows and a job file that trains the same model again; ``export`` is the model's own folder."""
    model = yarnml.fit(IRIS, label="species", learner=SOFTMAX, keep=tmp_path / "kept", export=tmp_path / "models")
    assert model.folder == str(tmp_path / "models" / "1")
    outcome = yarnml.run(tmp_path / "kept" / "job.yaml", "inline", restart=True)
    assert outcome.export == str(tmp_path / "models" / "2")
    np.testing.assert_array_equal(yarnml.load_model(outcome.export).outputs(IRIS), model.outputs(IRIS))
    with pytest.raises(JobFileError, match="holds files already"):
        yarnml.fit(IRIS, label="species", learner=SOFTMAX, keep=tmp_path / "kept")


@pytest.mark.long
def test_columns_are_prepared_as_in_a_job() -> None:
    """Categories of pandas become numbers by data.prepare, in predictions too; trees take missing values."""
    frame = IRIS.drop(columns="petal width").assign(petal=pd.cut(IRIS["petal width"], 3, labels=["s", "m", "l"]))
    steps = [{"kind": "one_hot", "columns": ["petal"]}]
    model = yarnml.fit(frame, label="species", learner=SOFTMAX, data={"prepare": steps})
    assert model.score(frame) > 0.9
    assert model.score(frame.assign(petal=frame["petal"].astype(str))) == model.score(frame)
    gaps = IRIS.mask(np.arange(750).reshape(150, 5) % 7 == 3).assign(species=SPECIES)
    tree = yarnml.fit(gaps, label="species", learner={"kind": "tree", "depth": 3})
    assert tree.score(gaps) > 0.85
    assert tree.importances().num_rows == 4


CASES: list[tuple[Any, dict[str, Any], type[Exception], str]] = [
    (IRIS, {"label": "kind"}, DataError, r"the table has no column 'kind'; it has sepal length, .*species"),
    (IRIS, {"label": Y[:3]}, DataError, "fit needs one label for each of 150 rows, got 3"),
    (X[0], {"label": Y}, DataError, r"fit needs a table, or an array \[rows, width\] of numbers, got the shape \[4\]"),
    (IRIS["species"], {"label": Y}, DataError, "fit needs a table or an array of numbers, got a Series"),
    (
        X,
        {"label": np.ones((150, 2, 2))},
        DataError,
        r"fit needs label as one value for each row, got the shape \[150, 2, 2\]",
    ),
    (IRIS[:0], {"label": "species"}, DataError, "data.train: the table holds no rows"),
    (IRIS.assign(city="Bonn"), {"label": "species"}, JobFileError, "column 'city' of the table must hold numbers"),
    (IRIS.assign(day=pd.Timestamp(0)), {"label": "species"}, JobFileError, "not timestamp.*; store it as a number"),
    (IRIS.mask(IRIS["sepal length"] > 7).assign(species=Y), {"label": "species"}, DataError, "^the table: .* 12 nulls"),
    (IRIS, {"label": "species", "epochs": 3}, JobFileError, "unknown key 'epochs'"),
    (IRIS, {"label": "species", "training": 3}, JobFileError, "training must be a mapping"),
    (IRIS, {"label": "species", "backend": "yarn"}, JobFileError, "must be one of inline, local"),
]


@pytest.mark.parametrize(("frame", "arguments", "error", "sentence"), CASES, ids=lambda value: str(value)[:20])
def test_errors_are_one_sentence(frame: Any, arguments: dict[str, Any], error: type[Exception], sentence: str) -> None:
    """An error about rows or fields speaks of the caller's table, not of files."""
    with pytest.raises(error, match=sentence) as caught:
        yarnml.fit(frame, learner=SOFTMAX, **arguments)
    assert "\n" not in str(caught.value)
    assert ".parquet" not in str(caught.value)


def test_a_disk_that_takes_no_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told in one sentence; a fit that has not begun leaves nothing of the folder that was to keep it."""
    kept = tmp_path / "kept"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(DataError, match=r"fit can't write its rows to .*kept: .*File too large"):
            yarnml.fit(IRIS, label="species", learner=SOFTMAX, keep=kept)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not kept.exists()
    with pytest.raises(JobFileError, match=r"learner\.kind must be one of"):
        yarnml.fit(IRIS, label="species", learner="soft", keep=kept)
    assert not kept.exists()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(DataError, match=r"fit needs a folder for a while: .*missing"):
        yarnml.fit(IRIS, label="species", learner=SOFTMAX)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_leaves_nothing(tmp_path: Path) -> None:
    """Ctrl-C in the middle of a fit is a KeyboardInterrupt, and the folder of the fit is gone.

    Python drops an interrupt that meets a finalizer; then a user presses the keys again.
    """
    ended = threading.Event()

    def interrupt() -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not [*tmp_path.glob("temporary/*/job/checkpoints")]:
            time.sleep(0.01)
        time.sleep(0.2)
        while not ended.is_set():
            os.kill(os.getpid(), signal.SIGINT)
            ended.wait(5)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        yarnml.fit(X, label=Y, learner="mlp", training={"epochs": 1_000_000})
    ended.set()
    thread.join()
