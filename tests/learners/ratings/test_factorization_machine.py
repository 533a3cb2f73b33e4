"""Factorisation machines: the sum over pairs is Rendle's, and pairs are learned where a linear model can't."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
import numpy.typing as npt
import pytest
from sklearn import datasets
from sklearn.linear_model import LinearRegression

import yarnml
from yarnml.data.schema import Feature, Schema
from yarnml.job.learners import FactorizationMachine
from yarnml.learners.registry import build_learner

pytestmark = pytest.mark.long

Array = npt.NDArray[Any]


def test_the_pairs_are_those_of_a_loop() -> None:
    """bias + w·x + Σ over pairs i < j of (v_i·v_j) x_i x_j, pair by pair in float64."""
    random = np.random.default_rng(0)
    learner = build_learner(FactorizationMachine(rank=3), Schema((Feature("x", 6),), "y", "number", ()))
    parameters = learner.parameters(learner.init(jax.random.key(0)))
    parameters = {name: random.normal(size=a.shape).astype(np.float32) for name, a in parameters.items()}
    x = random.normal(size=(9, 6)).astype(np.float32)
    weight = parameters["weight"][:, 0].astype(np.float64)
    v = parameters["factors"].astype(np.float64)
    pairs = sum(v[i] @ v[j] * x[:, i] * x[:, j] for i in range(6) for j in range(i))
    expected = parameters["bias"] + x @ weight + pairs
    np.testing.assert_allclose(learner.predict(parameters, x), expected, rtol=1e-4, atol=1e-5)


@pytest.fixture
def metrics(tmp_path: Path, write_table: Callable[..., Path]) -> Callable[..., dict[str, float]]:
    """Trains inline on three quarters of the rows; returns the metrics of the rest."""

    def run(x: Array, y: Array, epochs: int, **learner: Any) -> dict[str, float]:
        order = np.random.default_rng(0).permutation(len(x))
        parts = {"test": order[: len(x) // 4], "train": order[len(x) // 4 :]}
        paths = {n: str(write_table(f"{n}.parquet", x=list(x[rows]), y=y[rows])) for n, rows in parts.items()}
        job = {
            "name": "machine",
            "data": {**paths, "features": ["x"], "label": "y", "scale": "standard"},
            "learner": {"kind": "factorization_machine", "rank": 4, **learner},
            "training": {"epochs": epochs, "batch_size": 32, "shards": 2},
            "checkpoint": {"path": str(tmp_path / "job"), "every": "100 epochs"},
        }
        return dict(yarnml.run(job, backend="inline").metrics["test"])

    return run


def test_a_product_of_measurements(metrics: Callable[..., dict[str, float]]) -> None:
    """The area of a flower's leaf is no linear function of its length and width, but nearly one of their product."""
    x = datasets.load_iris().data.astype(np.float32)
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    y = x[:, 0] * x[:, 3] - x[:, 1] * x[:, 2]
    scores = metrics(x, y, epochs=100, optimizer={"kind": "adam", "learning_rate": 0.02})
    assert LinearRegression().fit(x, y).score(x, y) < 0.6
    assert scores["r2"] > 0.98


def test_two_classes(metrics: Callable[..., dict[str, float]]) -> None:
    """On the breast cancer data, accuracy and area as those of the other classifiers."""
    x, y = datasets.load_breast_cancer(return_X_y=True)
    scores = metrics(x.astype(np.float32), y, epochs=15, l2=1e-3, optimizer={"kind": "adam", "learning_rate": 0.01})
    assert scores["accuracy"] > 0.94
    assert scores["roc_auc"] > 0.98
