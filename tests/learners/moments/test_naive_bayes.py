"""Naive Bayes is scikit-learn's, on real data."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn import datasets
from sklearn.naive_bayes import BernoulliNB, GaussianNB, MultinomialNB

import yarnml
from yarnml.errors import DataError
from yarnml.model.model import Model

pytestmark = pytest.mark.long

Array = npt.NDArray[Any]
Train = Callable[..., Model]


@pytest.fixture
def train(tmp_path: Path, write_table: Callable[..., Path]) -> Train:
    """Trains naive Bayes inline on rows in three shards; returns the exported model."""

    def run(x: Array, y: Array, weight: Array | None = None, classes: Any = None, **learner: Any) -> Model:
        weights = {} if weight is None else {"w": weight}
        path = str(write_table("rows.parquet", x=list(np.asarray(x, np.float32)), y=y, **weights, row_group_size=100))
        columns = {"features": ["x"], "label": "y", "weight": "w" if weights else None, "classes": classes}
        job = {
            "name": "bayes",
            "data": {"train": path, **columns},
            "learner": {"kind": "naive_bayes", **learner},
            "training": {"shards": 3},
            "checkpoint": {"path": str(tmp_path / "job")},
            "export": str(tmp_path / "models"),
        }
        return yarnml.load_model(str(yarnml.run(job, backend="inline", restart=True).export))

    return run


def array(model: Model, name: str) -> Array:
    return np.asarray(model._arrays[f"parameters/{name}"])


def test_gaussian(train: Train) -> None:
    """On the breast cancer data, means, variances and shares agree to 1e-4, probabilities to 1e-3."""
    x, y = datasets.load_breast_cancer(return_X_y=True)
    x = x.astype(np.float32)
    model = train(x, y)
    right = GaussianNB().fit(x.astype(np.float64), y)
    np.testing.assert_allclose(array(model, "mean"), right.theta_, rtol=1e-5)
    np.testing.assert_allclose(array(model, "variance"), right.var_, rtol=1e-4)
    np.testing.assert_allclose(np.exp(array(model, "prior")), right.class_prior_, rtol=1e-5)
    np.testing.assert_allclose(model.outputs(x), right.predict_proba(x), atol=1e-3)


def test_gaussian_with_weights(train: Train) -> None:
    """Weighted rows give scikit-learn's moments; without smoothing, which it takes from rows without weights."""
    x, y = datasets.load_wine(return_X_y=True)
    x, weight = x.astype(np.float32), 1.0 + np.arange(len(x)) % 3
    model = train(x, y, weight, smoothing=1e-15)
    right = GaussianNB(var_smoothing=1e-15).fit(x.astype(np.float64), y, weight)
    np.testing.assert_allclose(array(model, "variance"), right.var_, rtol=1e-4)
    np.testing.assert_allclose(model.outputs(x), right.predict_proba(x), atol=1e-3)


def test_gaussian_with_large_means(train: Train) -> None:
    """With means ten thousand times the deviations, variances still agree to 1 %."""
    x, y = datasets.load_iris(return_X_y=True)
    x = (np.round(x * 10) / 8 + 8192).astype(np.float32)
    right = GaussianNB().fit(x.astype(np.float64), y)
    np.testing.assert_allclose(array(train(x, y), "variance"), right.var_, rtol=1e-2)


def test_multinomial(train: Train) -> None:
    """On the digits, pixels counted as occurrences, logarithms agree to 1e-4 and predictions are the same."""
    x, y = datasets.load_digits(return_X_y=True)
    model = train(x, y, distribution="multinomial", smoothing=0.1)
    right = MultinomialNB(alpha=0.1).fit(x, y)
    np.testing.assert_allclose(array(model, "on"), right.feature_log_prob_, rtol=1e-4)
    np.testing.assert_array_equal(model.predict(x), right.predict(x))


def test_bernoulli(train: Train) -> None:
    """On the digits with weights, pixels above 7 counted as on, logarithms agree to 1e-4, probabilities to 1e-3."""
    x, y = datasets.load_digits(return_X_y=True)
    weight = 1.0 + np.arange(len(x)) % 3
    model = train(x, y, weight, distribution="bernoulli", threshold=7.0)
    right = BernoulliNB(binarize=7.0).fit(x, y, weight)
    np.testing.assert_allclose(array(model, "on"), right.feature_log_prob_, rtol=1e-4)
    np.testing.assert_allclose(model.outputs(x), right.predict_proba(x), atol=1e-3)


def test_a_class_without_rows_is_never_predicted(train: Train) -> None:
    """A class of data.classes that the training data has not stays possible in the model, and is not chosen."""
    x, y = datasets.load_iris(return_X_y=True)
    model = train(x, y, classes=[0, 1, 2, 3])
    assert model.outputs(x).shape == (len(x), 4)
    assert set(model.predict(x).tolist()) == {0, 1, 2}


def test_counts_are_not_negative(train: Train) -> None:
    """A feature below 0 is no count, and the sentence says which number was found."""
    x, y = datasets.load_iris(return_X_y=True)
    x[7, 2] = -3.5
    with pytest.raises(DataError, match=r"A feature holds -3\.5, but .* multinomial needs counts of 0 or more"):
        train(x, y, distribution="multinomial")


def test_gaussian_with_columns_that_are_constant_in_a_class(train: Train) -> None:
    """Digits with a white border are told apart as by scikit-learn, though densities have 1e9 in the exponent."""
    x, y = datasets.load_digits(return_X_y=True)
    model = train(x, y)
    right = GaussianNB().fit(x, y)
    assert np.mean(model.predict(x) == right.predict(x)) > 0.999
    assert model.about["metrics"] == {}
    assert np.mean(model.predict(x) == y) == pytest.approx(right.score(x, y), abs=1e-3)


@pytest.mark.parametrize("offset", [1e5, 1e7])
def test_gaussian_with_columns_far_from_zero(train: Train, offset: float) -> None:
    """Means of 1e5 and 1e7 beside deviations of 30 cost no more than float32 rounds off the rows."""
    x, y = datasets.load_wine(return_X_y=True)
    far = np.round(x / x.std(axis=0) * 30) + offset
    model = train(far, y)
    right = GaussianNB().fit(far, y)
    np.testing.assert_array_equal(model.predict(far), right.predict(far))
    np.testing.assert_allclose(array(model, "variance"), right.var_, rtol=1e-3)
