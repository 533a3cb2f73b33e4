"""The number of clusters in one job: a search by BIC or by the silhouette."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris
from sklearn.mixture import GaussianMixture

import yarnml
from tests.jobs.searches import results
from tests.worker.test_metrics import evaluate
from yarnml.data.schema import Feature, Schema
from yarnml.errors import JobFileError
from yarnml.job.load import load_job

IRIS = load_iris(as_frame=True).data


@pytest.mark.long
def test_the_information_criterion_chooses(tmp_path: Path) -> None:
    """BIC of every candidate is scikit-learn's, and the mixture with the least one is exported."""
    IRIS.to_csv(tmp_path / "rows.csv", index=False)
    job: dict[str, Any] = {
        "name": "iris",
        "data": {"train": str(tmp_path / "rows.csv"), "validation": str(tmp_path / "rows.csv"), "features": "all"},
        "learner": {"kind": "gaussian_mixture", "clusters": 2},
        "search": {"over": {"learner.clusters": [1, 2]}, "metric": "bic"},
        "training": {"shards": 2},
        "checkpoint": {"path": str(tmp_path / "job")},
        "export": str(tmp_path / "models"),
    }
    yarnml.run(job, backend="inline")
    expected = [GaussianMixture(k, n_init=2, random_state=0).fit(IRIS.to_numpy()).bic(IRIS.to_numpy()) for k in (1, 2)]
    assert [candidate["mean"] for candidate in results(job)["candidates"]] == pytest.approx(expected, rel=1e-3)
    assert yarnml.load_model(tmp_path / "models").schema.classes == (0, 1)


@pytest.mark.parametrize("clusters", [1, 2, 5])
def test_the_silhouette_of_centres(clusters: int) -> None:
    """The silhouette is the mean over rows of (b - a) / b, by the distances to centres; one cluster has none."""
    x = IRIS.to_numpy()
    distance = KMeans(clusters, n_init=1, random_state=0).fit(x).transform(x)
    schema = Schema((Feature("x", 4),), None, "none", tuple(range(clusters)))
    ones = np.ones(len(x), np.float32)
    metrics = evaluate(-np.square(distance).astype(np.float32), ones, 0 * ones, ones, schema, [40], ["silhouette"])
    if clusters == 1:
        assert metrics == {"loss": 1.0}
        return
    a, b = np.sort(distance, axis=1)[:, :2].T
    assert metrics["silhouette"] == pytest.approx(((b - a) / b).mean(), rel=1e-5)


@pytest.mark.parametrize(
    ("kind", "metric", "words"),
    [
        ("kmeans", "bic", "kmeans is judged by loss, silhouette, not by bic"),
        ("kmeans", "rmse", "kmeans is judged by loss, silhouette, not by rmse"),
        ("gaussian_mixture", "silhouette", "gaussian_mixture is judged by loss, bic, aic, not by silhouette"),
    ],
)
def test_a_metric_of_other_clusters_is_refused(kind: str, metric: str, words: str) -> None:
    """A distance has no likelihood, a probability is no distance, and there is no label; no data are looked at."""
    data = {"train": "rows.csv", "validation": 0.5, "features": ["x"]}
    search = {"over": {"learner.clusters": [2, 3]}, "metric": metric}
    for section in ({"search": search}, {"evaluation": {"metrics": [metric]}}):
        with pytest.raises(JobFileError, match=words):
            load_job({"name": "job", "data": data, "learner": {"kind": kind, "clusters": 2}, **section})
