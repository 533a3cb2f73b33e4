"""Adapters work in scikit-learn's pipelines, cross-validations and searches."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from sklearn.metrics import adjusted_rand_score, d2_pinball_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from yarnml.sklearn import Classifier, Clusterer, Regressor, Transformer

pytestmark = pytest.mark.long

X, Y = load_iris(return_X_y=True)
SPECIES = np.array(["setosa", "versicolor", "virginica"])[Y]


def test_a_classifier_is_part_of_a_pipeline() -> None:
    """Cross-validation of a pipeline with labels of text, from a frame whose columns have names."""
    frame = pd.DataFrame(X, columns=list("abcd"))
    pipeline = make_pipeline(StandardScaler(), Classifier("naive_bayes"))
    assert cross_val_score(pipeline, frame, SPECIES, cv=3).mean() > 0.9
    fitted = clone(pipeline).fit(frame, SPECIES)
    assert fitted.classes_.tolist() == ["setosa", "versicolor", "virginica"]
    np.testing.assert_allclose(fitted.predict_proba(frame).sum(axis=1), 1)


def test_a_search_tries_options() -> None:
    """A grid over options, with NumPy's numbers, finds the ridge regression that scikit-learn's finds."""
    x = X[:, :3]
    y = X[:, 3]
    penalties = np.array([1e-4, 10.0])
    line = Regressor("linear", options={"solver": "normal"})
    grid = {"options": [{"solver": "normal", "l2": penalty} for penalty in penalties]}
    search = GridSearchCV(line, grid, cv=3).fit(x, y)
    assert search.best_params_["options"]["l2"] == 1e-4
    expected = Ridge(1e-4 * len(y)).fit(x, y)
    np.testing.assert_allclose(search.predict(x), expected.predict(x), rtol=1e-5)


def test_clusters_and_coordinates() -> None:
    """A clusterer tells the clusters of its rows; a transformer's coordinates are scikit-learn's but for signs."""
    clusters = Clusterer(3).fit(X)
    np.testing.assert_array_equal(clusters.labels_, clusters.predict(X))
    assert adjusted_rand_score(Y, clusters.labels_) > 0.7
    np.testing.assert_array_equal(Clusterer(3).fit_predict(pd.DataFrame(X, columns=list("abcd"))), clusters.labels_)
    transformer = Transformer(2).set_output(transform="pandas").fit(X)
    coordinates = transformer.transform(X)
    assert [*coordinates.columns] == ["transformer0", "transformer1"]
    np.testing.assert_allclose(np.abs(coordinates), np.abs(PCA(2).fit_transform(X)), atol=1e-4)


def test_trees_take_missing_values() -> None:
    """NaN is for learners that take it, and refused for others; a weight counts as it does in a job."""
    x = X.copy()
    x[::7, 2] = np.nan
    tree = Classifier("tree", options={"depth": 3}).fit(x, Y, sample_weight=np.where(Y == 0, 1.0, 2.0))
    assert tree.score(x, Y) > 0.9
    with pytest.raises(ValueError, match="Input X contains NaN"):
        Classifier("naive_bayes").fit(x, Y)


def test_errors_are_those_of_scikit_learn() -> None:
    """A wrong learner or option is a ValueError with yarnml's sentence; what an svm has not, it does not offer."""
    with pytest.raises(ValueError, match="did you mean 'mlp'"):
        Classifier("mlpx").fit(X, Y)
    with pytest.raises(ValueError, match="one class only"):
        Classifier("naive_bayes").fit(X, np.zeros(150))
    assert not hasattr(Classifier("svm"), "predict_proba")
    assert hasattr(Classifier("softmax"), "predict_proba")


def test_several_quantiles_have_a_score() -> None:
    """It is the mean of scikit-learn's D², each by one of the quantiles."""
    shares = [0.25, 0.75]
    regressor = Regressor("quantile", options={"quantile": shares}).fit(X[:, :3], X[:, 3])
    predictions = regressor.predict(X[:, :3]).T
    scores = [d2_pinball_score(X[:, 3], own, alpha=share) for own, share in zip(predictions, shares, strict=True)]
    assert regressor.score(X[:, :3], X[:, 3]) == pytest.approx(np.mean(scores), abs=1e-3)


def test_a_seed_decides_the_model() -> None:
    """Fits with one random state are the same to the bit, those with another are not."""
    networks = [Regressor("mlp", training={"epochs": 1}, random_state=seed).fit(X, Y).predict(X) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(networks[0], networks[1])
    assert (networks[0] != networks[2]).any()


def test_importing_yarnml_needs_no_scikit_learn() -> None:
    """Only `yarnml.sklearn` needs it, and says how to get it."""
    code = "import sys; sys.modules['sklearn'] = None\nimport yarnml, yarnml.frames.fit\nimport yarnml.sklearn"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "yarnml.sklearn needs scikit-learn: pip install yarnml[sklearn]" in ended.stderr
