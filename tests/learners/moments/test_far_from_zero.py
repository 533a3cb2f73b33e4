"""Moments of columns whose means are large beside their deviations, beside scikit-learn's in float64."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import datasets
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.mixture import GaussianMixture

import yarnml
from tests.tiers import cases
from yarnml.model.model import Model

pytestmark = pytest.mark.long

Array = np.ndarray[Any, Any]
Fit = Callable[..., Model]
OFFSETS = [pytest.param(1e5, marks=pytest.mark.breadth), 1e7]


@pytest.fixture
def fit(write_table: Callable[..., Path]) -> Fit:
    """Trains a learner inline on rows in three shards, and tests it on the same rows; returns the exported model."""

    def run(x: Array, learner: dict[str, Any], y: Array | None = None, **training: Any) -> Model:
        path = write_table("rows.parquet", x=list(x.astype(np.float32)), y=np.zeros(len(x)) if y is None else y)
        label = {} if y is None else {"label": "y", "label_type": "number"}
        job = {
            "name": "far",
            "data": {"train": str(path), "test": str(path), "features": ["x"], **label},
            "learner": learner,
            "training": {"shards": 3, **training},
            "checkpoint": {"path": str(path.parent / "job"), "every": "100 epochs"},
            "export": str(path.parent / "models"),
        }
        return yarnml.load_model(str(yarnml.run(job, backend="inline", restart=True).export))

    return run


def far(offset: float) -> Array:
    """Iris in whole numbers, deviation 20 to 90 or so, that float32 holds whatever the offset."""
    return np.round(datasets.load_iris().data * 50) + offset


def loss(model: Model) -> float:
    return float(model.about["metrics"]["test"]["loss"])


@pytest.mark.parametrize("offset", OFFSETS)
@pytest.mark.parametrize("method", ["moments", "randomised"])
def test_components(fit: Fit, offset: float, method: str) -> None:
    """Variances and directions of principal components are those of the rows without the offset."""
    x = far(offset)
    model = fit(x, {"kind": "pca", "components": 3, "method": method})
    right = PCA(3).fit(x - offset)
    arrays = {name: np.asarray(a) for name, a in model._arrays.items()}
    variance = right.explained_variance_ * (len(x) - 1) / len(x)
    np.testing.assert_allclose(arrays["parameters/variance"], variance, rtol=1e-3)
    assert np.abs(np.diag(arrays["parameters/components"] @ right.components_.T)).min() > 0.999


@pytest.mark.parametrize("offset", OFFSETS)
def test_clusters(fit: Fit, offset: float) -> None:
    """The inertia of k-means is at most 1 % above the best of ten starts."""
    x = far(offset)
    best = KMeans(3, n_init=10, random_state=0).fit(x - offset)
    assert loss(fit(x, {"kind": "kmeans", "clusters": 3})) * len(x) <= 1.01 * best.inertia_


@pytest.mark.parametrize("offset", OFFSETS)
@pytest.mark.parametrize("covariance", cases(["full", "diagonal"], ["full"]))
def test_mixtures(fit: Fit, offset: float, covariance: str) -> None:
    """The mean log-likelihood of a mixture is at most 0.02 below the best of ten starts."""
    x = far(offset)
    kind = {"full": "full", "diagonal": "diag"}[covariance]
    right = GaussianMixture(2, covariance_type=kind, tol=1e-6, max_iter=500, n_init=10, random_state=0).fit(x - offset)
    assert (
        -loss(fit(x, {"kind": "gaussian_mixture", "clusters": 2, "covariance": covariance}))
        > right.score(x - offset) - 0.02
    )


@pytest.mark.parametrize("offset", OFFSETS)
def test_trees_of_a_label_far_from_zero(fit: Fit, offset: float) -> None:
    """Boosting of a label of large mean has the error of scikit-learn's, and the R² that belongs to it."""
    x, y = datasets.load_diabetes(return_X_y=True)
    y = np.round(y) + offset
    model = fit(x, {"kind": "boosting", "trees": 20, "depth": 3, "min_hessian": 20, "bins": 63}, y)
    right = HistGradientBoostingRegressor(max_iter=20, max_depth=3, max_leaf_nodes=None, l2_regularization=1)
    expected = np.sqrt(np.mean((right.fit(x, y).predict(x) - y) ** 2))
    metrics = model.about["metrics"]["test"]
    assert metrics["rmse"] == pytest.approx(expected, rel=0.03)
    assert metrics["r2"] == pytest.approx(1 - metrics["rmse"] ** 2 / y.var(), abs=1e-3)


@pytest.mark.parametrize("distance", cases([1e3, 1e4, 1e5], [1e5]))
@pytest.mark.parametrize("kind", ["kmeans", "gaussian_mixture"])
def test_tight_clusters_far_from_others(fit: Fit, kind: str, distance: float) -> None:
    """Two tight clusters side by side are told apart, and have their loss, however far the third one is."""
    random = np.random.default_rng(0)
    places = np.array([[0, 0], [1, 0], [distance, distance]])
    number = random.permutation(np.repeat(range(3), 200))
    x = (places[number] + 0.05 * random.normal(size=(600, 2))).astype(np.float32).astype(np.float64)
    model = fit(x, {"kind": kind, "clusters": 3})
    best = KMeans(3, n_init=10, random_state=0).fit(x)
    mixture = GaussianMixture(3, n_init=3, tol=1e-6, max_iter=500, random_state=0).fit(x)
    expected = best.inertia_ / len(x) if kind == "kmeans" else -mixture.score(x)
    assert loss(model) == pytest.approx(expected, rel=2e-3)
    assert len(set(zip(number, model.predict(x).tolist(), strict=True))) == 3


def test_components_of_very_different_variance(fit: Fit) -> None:
    """Variances from 1e10 down to 1 are right to 0.1 %, since they are not differences of float32."""
    random = np.random.default_rng(0)
    turned = np.linalg.qr(random.normal(size=(4, 4)))[0]
    x = ((random.normal(size=(2000, 4)) * [1e5, 1e3, 1e2, 1]) @ turned).astype(np.float32)
    variance = np.asarray(fit(x, {"kind": "pca", "components": 4})._arrays["parameters/variance"])
    right = PCA(4).fit(x.astype(np.float64)).explained_variance_ * (1999 / 2000)
    np.testing.assert_allclose(variance, right, rtol=1e-3)


@pytest.mark.parametrize("kind", ["kmeans", "pca"])
def test_numbers_that_float32_would_round(kind: str) -> None:
    """Clusters and components of epoch seconds are those of the seconds since then, though float32 rounds to 128."""
    random = np.random.default_rng(0)
    number = random.permutation(np.repeat([0, 1], 50))
    seconds = 20 * number + random.normal(size=100)
    frame = {"at": 1.7e9 + seconds, "other": random.normal(size=100)}
    if kind == "kmeans":
        model = yarnml.fit(frame, learner={"kind": kind, "clusters": 2})
        assert len(set(zip(number, model.predict(frame).tolist(), strict=True))) == 2
        return
    model = yarnml.fit(frame, learner={"kind": kind, "components": 2})
    right = PCA(2).fit_transform(np.stack([seconds, frame["other"]], axis=1))
    np.testing.assert_allclose(np.abs(model.predict(frame)), np.abs(right), atol=1e-3)
