"""Jobs without a label: clusters, mixtures and components are scikit-learn's, on real data."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
import pytest
from sklearn import datasets
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture
from sklearn.preprocessing import StandardScaler

import yarnml
from yarnml.learners.moments import coreset
from yarnml.model.model import Model

Array = npt.NDArray[Any]
Train = Callable[..., Model]


@pytest.fixture
def train(tmp_path: Path, write_table: Callable[..., Path]) -> Train:
    """Trains a learner inline on rows in three shards, and tests it on the same rows; returns the exported model."""

    def run(x: Array, learner: dict[str, Any], epochs: int | None = None, **data: Any) -> Model:
        path = str(write_table("rows.parquet", x=list(np.asarray(x, np.float32)), row_group_size=100))
        job = {
            "name": "unlabelled",
            "data": {"train": path, "test": path, "features": ["x"], **data},
            "learner": learner,
            "training": {"shards": 3} | ({"epochs": epochs} if epochs else {}),
            "checkpoint": {"path": str(tmp_path / "job"), "every": "100 epochs"},
            "export": str(tmp_path / "models"),
        }
        return yarnml.load_model(str(yarnml.run(job, backend="inline", restart=True).export))

    return run


def real(name: str) -> Array:
    return np.asarray(getattr(datasets, f"load_{name}")().data, np.float32)


def scaled(name: str) -> Array:
    return np.asarray(StandardScaler().fit_transform(real(name)), np.float32)


def loss_of_test_rows(model: Model) -> float:
    return float(model.about["metrics"]["test"]["loss"])


@pytest.mark.long
@pytest.mark.parametrize(("name", "clusters"), [("wine", 3), pytest.param("digits", 10, marks=pytest.mark.breadth)])
def test_kmeans_finds_clusters_as_good_as_the_best_of_ten(train: Train, name: str, clusters: int) -> None:
    """The sum of squared distances is at most 2 % above that of scikit-learn's best of ten starts."""
    x = scaled(name) if name == "wine" else real(name)
    model = train(x, {"kind": "kmeans", "clusters": clusters}, epochs=30)
    best = KMeans(clusters, n_init=10, random_state=0).fit(x)
    assert loss_of_test_rows(model) * len(x) <= 1.02 * best.inertia_


@pytest.mark.long
def test_kmeans_ends_where_lloyd_s_steps_end(train: Train) -> None:
    """scikit-learn, begun at our centres, leaves them where they are, and gives every row to the same one.

    The model says that it has no label, and lists its clusters as classes.
    """
    x = real("wine")
    model = train(x, {"kind": "kmeans", "clusters": 4}, epochs=40)
    parameters = model._arrays
    centres = np.asarray(parameters["parameters/mean"] + parameters["parameters/centres"])
    right = KMeans(4, init=centres.astype(np.float64), n_init=1).fit(x.astype(np.float64))
    np.testing.assert_allclose(centres, right.cluster_centers_, rtol=1e-5)
    np.testing.assert_array_equal(model.predict({"x": x}), right.labels_)
    np.testing.assert_allclose(-model.outputs(x), right.transform(x) ** 2, rtol=1e-4, atol=0.1)
    about = model.about["schema"]
    assert (about["label"], about["label_type"], about["classes"]) == (None, "none", [0, 1, 2, 3])
    assert model.about["metrics"]["test"].keys() == {"loss"}


@pytest.mark.long
def test_far_from_the_origin_nothing_changes(train: Train) -> None:
    """Clusters whose coordinates have large means are found as if they had none."""
    x = np.round(real("iris") * 10) / 8  # exact in float32, also after the shift
    best = KMeans(3, n_init=10, random_state=0).fit(x)
    assert loss_of_test_rows(train(x + 4096, {"kind": "kmeans", "clusters": 3})) * len(x) <= 1.01 * best.inertia_


@pytest.mark.long
def test_values_that_come_often_are_all_found(train: Train) -> None:
    """Five points, 200 times each, in any order, are five clusters without any distance."""
    corners = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    x = corners[np.random.default_rng(1).permutation(1000) % 5]
    model = train(x, {"kind": "kmeans", "clusters": 5}, epochs=5)
    assert loss_of_test_rows(model) == pytest.approx(0.0, abs=1e-6)
    assert len(set(model.predict(corners).tolist())) == 5


@pytest.mark.long
def test_a_sample_stands_for_all_rows() -> None:
    """The sample of 20,000 rows counts for them all, within a tenth, and holds some of 20 rows far away."""
    random = np.random.default_rng(0)
    x = random.normal(size=(20_000, 4)).astype(np.float32)
    x[:20] += 100
    x -= x.mean(axis=0)
    spread = np.float32(np.square(x).sum(axis=1).mean())
    total = np.float32(len(x))
    picked = coreset.pick(x, np.ones(len(x), np.float32), spread, total, jnp.uint32(0), 512)
    points, weight = map(np.asarray, coreset.points(picked))
    far = points[:, 0] > 50
    kept = np.exp(-(512 / 4 + 20) / 512)  # of the rows that are picked, those that have a slot alone; all 20 are
    assert weight[~far].sum() == pytest.approx(kept * len(x), rel=0.1)
    assert 0 < (weight[far] > 0).sum() <= 20
    nearest = [np.square(x - point).sum(axis=1).min() for point in points[weight > 0][:20]]
    assert max(nearest) < 1e-6, "a point of the sample is a row"


@pytest.mark.long
@pytest.mark.parametrize(("name", "covariance"), [("iris", "full"), ("wine", "diagonal")])
def test_a_mixture_is_as_likely_as_scikit_learn_s(train: Train, name: str, covariance: str) -> None:
    """The mean log-likelihood is at most 0.01 below scikit-learn's, and scikit-learn begun at our means agrees."""
    x = scaled(name)
    model = train(x, {"kind": "gaussian_mixture", "clusters": 3, "covariance": covariance}, epochs=100)
    kind = {"full": "full", "diagonal": "diag"}[covariance]
    right = GaussianMixture(3, covariance_type=kind, tol=1e-6, max_iter=500, random_state=0).fit(x)
    assert -loss_of_test_rows(model) > right.score(x) - 0.01
    arrays = {n.removeprefix("parameters/"): np.asarray(a, np.float64) for n, a in model._arrays.items()}
    whitening = arrays["whitening"]
    precisions = whitening @ whitening.swapaxes(1, 2) if covariance == "full" else whitening**2
    start = {"means_init": arrays["mean"] + arrays["centres"], "precisions_init": precisions}
    again = GaussianMixture(3, covariance_type=kind, weights_init=_shares(arrays["share"]), tol=1e-6, **start).fit(x)
    assert again.score(x) == pytest.approx(-loss_of_test_rows(model), abs=1e-3)
    np.testing.assert_allclose(model.outputs(x), again.predict_proba(x), atol=0.02)
    assert np.mean(model.predict(x) == again.predict(x)) > 0.99


def _shares(logarithms: Array) -> Array:
    shares = np.exp(logarithms)
    return shares / shares.sum()


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "method", "tolerance"), [("digits", "moments", 1e-4), ("breast_cancer", "randomised", 5e-3)]
)
def test_components_are_scikit_learn_s(train: Train, name: str, method: str, tolerance: float) -> None:
    """Variances agree to 0.01 % (randomised 0.5 %), components and coordinates to as much of the largest."""
    x = scaled(name)
    model = train(x, {"kind": "pca", "components": 5, "method": method}, epochs=2 if method == "moments" else 12)
    right = PCA(5, svd_solver="full").fit(x.astype(np.float64))
    arrays = {n.removeprefix("parameters/"): np.asarray(a) for n, a in model._arrays.items()}
    whole = right.explained_variance_ / right.explained_variance_ratio_ * (len(x) - 1) / len(x)
    np.testing.assert_allclose(arrays["total"], whole[0], rtol=1e-4)
    np.testing.assert_allclose(arrays["variance"] / arrays["total"], right.explained_variance_ratio_, rtol=tolerance)
    np.testing.assert_allclose(np.abs(arrays["components"] @ right.components_.T), np.eye(5), atol=10 * tolerance)
    outputs = right.transform(x)
    signs = np.sign((outputs * model.outputs(x)).sum(axis=0))
    np.testing.assert_allclose(model.predict(x), outputs * signs, atol=10 * tolerance * np.abs(outputs).max())
    lost = np.square(x - right.inverse_transform(outputs)).sum(axis=1).mean()
    assert loss_of_test_rows(model) == pytest.approx(lost, rel=1e-3)


def test_components_of_rows_with_a_large_mean(train: Train) -> None:
    """With means a thousand times the deviations, variances still agree with scikit-learn's to 0.1 %."""
    x = (scaled("wine") + 1000).astype(np.float32)
    model = train(x, {"kind": "pca", "components": 3})
    right = PCA(3, svd_solver="full").fit(x.astype(np.float64))
    variance = np.asarray(model._arrays["parameters/variance"]) * len(x) / (len(x) - 1)
    np.testing.assert_allclose(variance, right.explained_variance_, rtol=1e-3)


def test_weights_count_rows(train: Train, tmp_path: Path, write_table: Callable[..., Path]) -> None:
    """Components of weighted rows are those of rows that are there so often."""
    x = scaled("wine")
    counts = np.arange(178) % 3
    repeated = train(np.repeat(x, counts, axis=0), {"kind": "pca", "components": 2})
    path = str(write_table("weighted.parquet", x=list(x), w=counts))
    weighted = train(x, {"kind": "pca", "components": 2}, train=path, test=path, weight="w")
    for name in ("components", "variance"):
        a, b = (np.asarray(m._arrays[f"parameters/{name}"]) for m in (repeated, weighted))
        np.testing.assert_allclose(a, b, atol=1e-4)


AUTOENCODER = """
import jax.numpy as jnp
import jax

class Net:
    def init(self, key, schema):
        assert (schema.label_type, schema.classes) == ("none", ())
        return {"w": 0.1 * jax.random.normal(key, (schema.width, 2))}

    def predict(self, p, x):
        return x @ p["w"]

    def loss(self, p, x, y):
        return jnp.sum(jnp.square(self.predict(p, x) @ p["w"].T - x), axis=1)
"""


def test_a_model_of_your_own_may_do_without(train: Train, tmp_path: Path) -> None:
    """An autoencoder in a user's file trains without a label; its outputs are what it predicts."""
    (tmp_path / "own.py").write_text(AUTOENCODER)
    x = scaled("wine")
    learner = {"path": f"{tmp_path}/own.py:Net", "optimizer": {"kind": "adam", "learning_rate": 0.02}}
    model = train(x, learner, epochs=40)
    assert model.predict(x).shape == (len(x), 2)
    best = PCA(2).fit(x)
    lost = np.square(x - best.inverse_transform(best.transform(x))).sum(axis=1).mean()
    assert lost * 0.999 < loss_of_test_rows(model) < 1.1 * lost


@pytest.mark.long
@pytest.mark.parametrize("kind", ["kmeans", "gaussian_mixture"])
def test_clusters_without_rows_are_told(write_table: Callable[..., Path], kind: str) -> None:
    """More clusters than different rows leave some without any, and the outcome says how many."""
    x = np.repeat(np.random.default_rng(0).normal(size=(6, 2)), 10, axis=0)
    path = write_table("train.parquet", x=list(x))
    job = {
        "name": "few",
        "data": {"train": str(path), "features": ["x"]},
        "learner": {"kind": kind, "clusters": 8},
        "checkpoint": {"path": str(path.parent / "job")},
    }
    assert yarnml.run(job, backend="inline").remarks == ["2 of 8 clusters have no rows; lower learner.clusters"]
