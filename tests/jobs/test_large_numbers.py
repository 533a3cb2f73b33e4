"""Large numbers close to each other as features: scaled, trained and predicted with the digits that they have."""

from pathlib import Path
from typing import Any

import jax
import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest
from jax import export
from safetensors.numpy import load_file
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import yarnml

pytestmark = pytest.mark.long

ROWS = 600
RANDOM = np.random.default_rng(3)
LARGE = {
    "second": 1_764_000_000 + RANDOM.integers(0, 3600, ROWS),
    "millisecond": 1_764_000_000_000 + RANDOM.integers(0, 1000, ROWS),
    "day": 20_260_100 + RANDOM.integers(1, 32, ROWS),
    "order": 10_000_000 + RANDOM.permutation(ROWS),
    "instant": 1.764e9 + RANDOM.random(ROWS),
    "id": 2**60 + RANDOM.integers(0, 1000, ROWS),
}
CENTRED = np.stack([column - column[0] for column in LARGE.values()], axis=1).astype(float)
Y = (CENTRED / CENTRED.std(axis=0)) @ np.array([1.0, -2.0, 3.0, 0.5, -1.0, 2.0]) + 7.0


def job(folder: Path, train: str, **data: Any) -> dict[str, Any]:
    section = {"train": train, "features": list(LARGE), "label": "y", "scale": "standard", "validation": 0.2, **data}
    return {
        "name": "large",
        "data": section,
        "learner": {"kind": "linear", "solver": "normal"},
        "training": {"shards": 3},
        "checkpoint": {"path": str(folder / "job")},
        "export": str(folder / "models"),
    }


@pytest.mark.parametrize("form", ["parquet", "csv", "lists", "imputed"])
def test_regression_on_large_numbers(tmp_path: Path, form: str) -> None:
    """A linear model of large numbers is scikit-learn's, in training and in predictions, however they are stored."""
    columns = LARGE if form == "parquet" else {**LARGE, "id": LARGE["id"] - 2**60 + 2**52}  # all others are float64
    table = pa.table({**columns, "y": Y})
    path = str(tmp_path / ("rows.csv" if form == "csv" else "rows.parquet"))
    data: dict[str, Any] = {}
    if form == "lists":
        x = np.stack(list(columns.values()), axis=1)
        table = pa.table({"x": pa.FixedSizeListArray.from_arrays(pa.array(x.ravel()), len(LARGE)), "y": Y})
        data["features"] = ["x"]
    if form == "imputed":
        data["prepare"] = [{"kind": "impute", "columns": list(LARGE), "strategy": "median"}]
    if form == "csv":
        pc.write_csv(table, path)
    else:
        pq.write_table(table, path, row_group_size=100)
    yarnml.run(job(tmp_path, path, **data), backend="inline")
    model = yarnml.load_model(tmp_path / "models")
    reference = make_pipeline(StandardScaler(), LinearRegression()).fit(CENTRED, Y)
    np.testing.assert_allclose(model.predict(table), reference.predict(CENTRED), atol=2e-4)
    assert model.about["metrics"]["validation"]["r2"] > 0.999999
    slopes = model.coefficients()["coefficient"].to_numpy()[1:]
    np.testing.assert_allclose(slopes, reference[1].coef_ / CENTRED.std(axis=0), rtol=1e-3)


@pytest.mark.long
def test_arrays_and_the_program(tmp_path: Path) -> None:
    """An array is counted from the offsets as a table is; the program takes it so, or as float32 has it."""
    path = str(tmp_path / "rows.parquet")
    pq.write_table(pa.table({**LARGE, "y": Y}), path)
    folder = yarnml.run(job(tmp_path, path, features=["second", "day"]), backend="inline").export
    assert folder
    model = yarnml.load_model(folder)
    columns = {name: LARGE[name] for name in ("second", "day")}
    x = np.stack(list(columns.values()), axis=1)
    expected = model.predict(columns)
    for array in (x, x.astype(float)):
        np.testing.assert_array_equal(model.predict(array), expected)
    arrays = load_file(f"{folder}/model.safetensors")
    call = export.deserialize(bytearray(Path(folder, "model.stablehlo").read_bytes())).call
    counted = (x - np.array(model.about["offsets"])).astype(np.float32)
    exact = jax.jit(call)(arrays | {"scaling/mean": np.array(model.about["mean"], np.float32)}, counted)
    np.testing.assert_allclose(exact, expected, rtol=1e-6)
    rounded = np.asarray(jax.jit(call)(arrays, x.astype(np.float32)))
    assert np.corrcoef(rounded, expected)[0, 1] > 0.99


@pytest.mark.breadth
@pytest.mark.long
def test_moments_that_cancel_have_the_same_bits_on_two_workers(tmp_path: Path) -> None:
    """One worker and two end with the same model where the moments are taken again around the mean."""
    x = np.where(np.arange(400) < 200, 0.0, 1e6 + np.arange(400) % 3 / 16)
    columns = {"x": x, "y": np.arange(400) % 3 + 0.5, "w": (x > 0).astype(float)}
    path = str(tmp_path / "rows.parquet")
    pq.write_table(pa.table(columns), path, row_group_size=50)
    stored = []
    for backend in ("inline", "local"):
        spec = job(tmp_path / backend, path, features=["x"], weight="w", validation=None)
        spec["learner"] = {"kind": "linear", "optimizer": {"kind": "sgd", "learning_rate": 0.1}}
        spec["training"] = {"epochs": 20, "batch_size": "full", "shards": 3}
        yarnml.run({**spec, "workers": {"count": 2}}, backend=backend)
        stored.append((tmp_path / backend / "models/1/model.safetensors").read_bytes())
    assert stored[0] == stored[1]
    prediction = yarnml.load_model(tmp_path / "local/models").predict({"x": 1e6 + np.arange(3) / 16})
    assert np.diff(prediction).min() > 0.5
