"""``yarnml models quantise``: a smaller version of a network, measured on real rows, or none."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pyarrow.parquet as pq
import pytest

import yarnml
from tests.conftest import MakeOnce
from yarnml.clusters.inline import CLUSTER
from yarnml.errors import JobFileError, YarnmlError
from yarnml.job.load import load_job
from yarnml.job.quantisation import Quantisation
from yarnml.master.quantisation import QuantisationResult, quantisation_text, quantise
from yarnml.model.program import load_program
from yarnml.model.versions import versions
from yarnml.worker.quantisation import SCALE


@pytest.fixture
def models(made_once: MakeOnce, digits: Path, tmp_path: Path) -> Path:
    """A folder with one version of a network for digits."""

    def train(folder: Path) -> None:
        job = {
            "name": "digits",
            "data": {"train": str(digits / "train"), "features": ["pixels"], "label": "digit"},
            "learner": {"kind": "mlp", "hidden": [128]},
            "training": {"epochs": 3, "seed": 1},
            "checkpoint": {"path": str(folder / "job")},
            "export": str(folder / "models"),
        }
        yarnml.run(job, "inline")

    source = made_once("a network to be made smaller", train) / "models"
    subprocess.run(["cp", "-r", source, tmp_path / "models"], check=True)
    return tmp_path / "models"


def smaller(models: Path, rows: Path, kind: Any, **changes: Any) -> QuantisationResult:
    """Quantise the first version in this process."""
    job = Quantisation(model=str(models / "1"), data=[str(rows)], folder=str(models.parent), kind=kind, **changes)
    return quantise(job, CLUSTER, lambda event: None)


@pytest.mark.long
@pytest.mark.parametrize(("kind", "part"), [("int8", 0.3), pytest.param("bfloat16", 0.55, marks=pytest.mark.breadth)])
def test_a_smaller_version(models: Path, digits: Path, kind: str, part: float) -> None:
    """Weights take so much of the bytes, and are near the old ones; the program is the old one on these weights."""
    end = smaller(models, digits / "test", kind)
    assert end.bytes_after < part * end.bytes_before
    old, new = (yarnml.load_model(models / str(k)) for k in (1, 2))
    assert new.about["parent"]["digest"] == old.digest
    assert new.about["quantised"]["after"] == new.about["metrics"]["test"]["log_loss"] == end.after
    whole = {name: np.asarray(array) for name, array in old.arrays.items()}
    for name, array in list(new.arrays.items()):
        if array.dtype == np.int8:
            scale = np.asarray(new.arrays[SCALE + name])
            restored = np.asarray(array, np.float32) * scale
            assert (np.abs(restored - whole[name]) <= 0.501 * scale).all()
            whole[name] = restored
        elif array.dtype == np.uint16:
            whole[name] = np.asarray(jax.lax.bitcast_convert_type(array, jax.numpy.bfloat16), np.float32)
            np.testing.assert_allclose(whole[name], np.asarray(old.arrays[name]), rtol=2**-8)
    table = pq.read_table(digits / "test")
    x, _ = new._features(table)
    expected = np.asarray(load_program(old.content.program)(whole, x))
    np.testing.assert_allclose(new.outputs(table), expected, atol=1e-6)
    assert new.score(table) == pytest.approx(old.score(table), abs=0.01)
    path = "import sys, numpy; sys.path.insert(0, sys.argv[1])"
    code = f"{path}; import predict; print(predict.predict(numpy.zeros((1, 64))))"
    done = subprocess.run([sys.executable, "-c", code, models / "2"], capture_output=True, text=True, check=True)
    printed = np.array(done.stdout.replace("[", "").replace("]", "").split(), float)
    np.testing.assert_allclose(printed, new.outputs(np.zeros((1, 64)))[0], atol=1e-5)
    assert "bytes of parameters" in quantisation_text(end)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"metric": "calibration_error", "tolerance": 0.0}, "by more than --tolerance 0 of it; no version was made"),
        ({"metric": "rmse"}, "--metric: this job can be judged by "),
    ],
)
def test_what_is_refused(models: Path, digits: Path, changes: dict[str, Any], sentence: str) -> None:
    """A version that loses too much is not made, and nothing is left."""
    with pytest.raises(YarnmlError) as caught:
        smaller(models, digits / "test", "int8", **changes)
    assert sentence in str(caught.value)
    assert versions(str(models)) == [1]
    assert [path.name for path in models.iterdir()] == ["1"]


def test_models_without_matrices_are_refused(cancer: Path) -> None:
    """A linear model is named as one that has no weights to be made smaller."""
    with pytest.raises(YarnmlError, match="has no weights to be made smaller: they are those of mlp"):
        smaller(cancer / "models", cancer / "rows.parquet", "int8")


@pytest.mark.long
def test_a_job_exports_its_smaller_version(digits: Path, tmp_path: Path) -> None:
    """``export.quantise`` makes the version that the command makes; beyond the tolerance there is none."""
    job: dict[str, Any] = {
        "name": "digits",
        "data": {
            "train": str(digits / "train"),
            "test": str(digits / "test"),
            "features": ["pixels"],
            "label": "digit",
        },
        "learner": {"kind": "mlp", "hidden": [32]},
        "training": {"epochs": 2},
        "checkpoint": {"path": str(tmp_path / "job")},
        "export": {"path": str(tmp_path / "models"), "quantise": "int8", "tolerance": 0.0},
    }
    with pytest.raises(YarnmlError, match=r"log_loss gets worse .*, by more than export.tolerance 0 of it"):
        yarnml.run(job, "inline")
    assert versions(str(tmp_path / "models")) == []
    job["export"] |= {"tolerance": 0.1}
    yarnml.run(job, "inline")
    job |= {"checkpoint": {"path": str(tmp_path / "whole")}, "export": str(tmp_path / "command")}
    yarnml.run(job, "inline")
    end = smaller(tmp_path / "command", digits / "test", "int8", tolerance=0.1)
    ours, expected = (yarnml.load_model(folder) for folder in (tmp_path / "models", end.folder))
    assert {n: a.tolist() for n, a in ours.arrays.items()} == {n: a.tolist() for n, a in expected.arrays.items()}
    facts = {**end._asdict(), "kind": "int8"}
    assert ours.about["quantised"] == {name: value for name, value in facts.items() if name != "folder"}
    assert ours.about["metrics"]["test"]["log_loss"] == end.after


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"learner": {"kind": "logistic"}}, "export.quantise makes weights smaller of mlp, cnn"),
        ({"data": {"train": "x.csv", "validation": 0.2, "features": ["x"], "label": "y"}}, "must be paths"),
    ],
)
def test_a_job_without_a_smaller_version(changes: dict[str, Any], sentence: str) -> None:
    """A learner without matrices, and rows that can't be measured on, are refused by the job file."""
    data = {"train": "x.csv", "test": "x.csv", "features": ["x"], "label": "y"}
    job = {"name": "job", "data": data, "learner": {"kind": "mlp"}, "export": {"path": "m", "quantise": "int8"}}
    with pytest.raises(JobFileError, match=sentence):
        load_job(job | changes)
