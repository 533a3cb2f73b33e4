"""Whole jobs with preparation: the same bits on any number of workers, and models that take raw tables."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow.parquet as pq
import pytest

import yarnml
from tests.preparing import step
from yarnml.data.rows import features_of, rows_of
from yarnml.errors import CheckpointError

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def job(docstrings: Path) -> dict[str, Any]:
    """All kinds of steps on all kinds of columns, for a linear model."""
    return {
        "name": "docstrings",
        "data": {
            "train": str(docstrings / "train"),
            "test": str(docstrings / "test"),
            "validation": 0.2,
            "stratify": True,
            "features": ["doc", "name", "kind", "arguments", "private"],
            "label": "package",
            "class_weights": "balanced",
            "prepare": [
                step("text", "doc", width=256),
                step("hash", "name", width=32),
                step("one_hot", "kind"),
                step("target", "private"),
                step("cross", "kind", "private", width=16),
                step("impute", "arguments"),
                step("bucket", "arguments", buckets=3, one_hot=True),
            ],
            "scale": "standard",
        },
        "learner": {"kind": "softmax", "optimizer": {"kind": "adam", "learning_rate": 0.02}},
        "training": {"epochs": 4, "batch_size": 200, "shards": 5},
    }


def train(job: dict[str, Any], folder: Path, backend: str = "local", **sections: Any) -> Path:
    places = {"checkpoint": {"path": str(folder / "job")}, "export": str(folder / "models")}
    export = yarnml.run({**job, **places, **sections}, backend).export
    assert export
    return Path(export)


@pytest.fixture(scope="module")
def exported(job: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(job, tmp_path_factory.mktemp("alone"), "inline")


@pytest.mark.breadth
def test_the_same_bits(job: dict[str, Any], exported: Path, tmp_path: Path) -> None:
    """Three worker processes learn and train the same as one process."""
    other = train(job, tmp_path, workers={"count": 3})
    for name in ("model.safetensors", "model.stablehlo"):
        assert (exported / name).read_bytes() == (other / name).read_bytes()
    assert yarnml.load_model(exported).schema == yarnml.load_model(other).schema


def test_the_model_takes_the_table_as_it_is(exported: Path, docstrings: Path) -> None:
    """A model predicts from raw columns what its evaluation found, in any chunks and with other columns beside them."""
    model = yarnml.load_model(exported)
    table = pq.read_table(docstrings / "test")
    accuracy = np.mean(model.predict(table) == table["package"].to_numpy())
    assert accuracy == pytest.approx(model.about["metrics"]["test"]["accuracy"], rel=1e-9)
    assert accuracy > 0.5
    coded = table.set_column(table.column_names.index("kind"), "kind", table["kind"].dictionary_encode())
    np.testing.assert_array_equal(model.outputs(coded), model.outputs(table))
    single = [model.outputs(table.slice(row, 1))[0] for row in range(3)]
    np.testing.assert_allclose(single, model.outputs(table)[:3], rtol=1e-4, atol=1e-6)
    one = table["kind"].to_pylist().index("class")  # its only number is null, so a column of it has no type
    row = {name: [column[one].as_py()] for name, column in zip(table.column_names, table.columns, strict=True)}
    np.testing.assert_allclose(model.outputs(row)[0], model.outputs(table)[one], rtol=1e-4, atol=1e-6)
    x = features_of(table, model.schema, "the table")
    np.testing.assert_array_equal(model.outputs(x), model.outputs(table))


def test_numbers_have_names(exported: Path) -> None:
    """model.json names every number of the program's x, and the coefficients have the same names."""
    model = yarnml.load_model(exported)
    names = model.about["feature_names"]
    assert names == model.schema.names
    assert len(names) == model.schema.width
    assert names[255:258] == ["doc#255", "name#0", "name#1"]
    assert names[288:291] == ["kind=class", "kind=function", "kind=method"]
    assert f"private by {model.schema.classes[0]}" in names
    assert names[-1] == "kind:private#15"
    coefficients = model.coefficients()
    assert coefficients["feature"].to_pylist() == [n for n in ["(intercept)", *names] for _ in model.schema.classes]


def test_a_job_that_continues_learns_nothing_anew(job: dict[str, Any], exported: Path, tmp_path: Path) -> None:
    """The checkpoint has what the steps learnt: in two goes the model is the same as in one."""
    train(job, tmp_path, "inline", training={**job["training"], "epochs": 2})
    whole = train(job, tmp_path, "inline")
    assert (exported / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()


def test_another_preparation_is_another_job(job: dict[str, Any], exported: Path) -> None:
    """A checkpoint is not continued with other steps, other class weights or another split; the fields are named."""
    for field, value in {
        "prepare": job["data"]["prepare"][:-1],
        "class_weights": {"xml": 2},
        "stratify": False,
    }.items():
        with pytest.raises(CheckpointError, match=rf"belongs to another job: data\.{field} \("):
            train({**job, "data": job["data"] | {field: value}}, exported.parent.parent, "inline")


def test_metrics_do_not_know_class_weights(job: dict[str, Any], exported: Path, docstrings: Path) -> None:
    """The test metrics count every row once, whatever its class weighs in training."""
    model = yarnml.load_model(exported)
    table = pq.read_table(docstrings / "test")
    rows = rows_of(table, msgspec.structs.replace(model.schema, class_weights=None), "the table")
    probability = model.outputs(table)[np.arange(len(rows.y)), rows.y]
    assert model.about["metrics"]["test"]["loss"] == pytest.approx(-np.log(probability).mean(), rel=1e-4)
