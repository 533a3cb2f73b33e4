"""Adapters pass scikit-learn's own checks of estimators."""

from typing import Any

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from yarnml.sklearn import Classifier, Clusterer, Regressor, Transformer

ESTIMATORS = [Classifier("naive_bayes"), Regressor("linear", options={"solver": "normal"}), Transformer(1)]

WEIGHTS = "check_sample_weight_equivalence_on_dense_data"

REASONS = {
    "linear": "coefficients and predictions are float32: equal to 1e-6, where the check wants 1e-9",
    "kmeans": "the start is drawn from the rows by their place, so that repeated rows draw another one",
}
"""By learner: why a weight of 2 is not to the last digit the same as the row twice."""


def expected_to_fail(estimator: Any) -> dict[str, str]:
    """The checks that can't hold for an estimator, with reasons."""
    return {WEIGHTS: REASONS[estimator.learner]} if estimator.learner in REASONS else {}


@parametrize_with_checks(ESTIMATORS, expected_failed_checks=expected_to_fail)
def test_an_adapter_passes_the_checks(estimator: Any, check: Any) -> None:
    """All checks that scikit-learn has for estimators of this kind."""
    check(estimator)


@pytest.mark.long
@parametrize_with_checks([Clusterer(3)], expected_failed_checks=expected_to_fail)
def test_a_clusterer_passes_the_checks(estimator: Any, check: Any) -> None:
    """All checks that scikit-learn has for clusterings."""
    check(estimator)
