"""Adapters pass scikit-learn's own checks of estimators."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from sklearn.utils.estimator_checks import estimator_checks_generator

from yarnml.sklearn import Classifier, Clusterer, Regressor, Transformer

pytestmark = pytest.mark.long

ESTIMATORS = [
    Classifier("naive_bayes"),
    Regressor("linear", options={"solver": "normal"}),
    Transformer(1),
    Clusterer(3),
]

WEIGHTS = "check_sample_weight_equivalence_on_dense_data"

REASONS = {
    "linear": "coefficients and predictions are float32: equal to 1e-6, where the check wants 1e-9",
    "kmeans": "the start is drawn from the rows by their place, so that repeated rows draw another one",
}
"""By learner: why a weight of 2 is not to the last digit the same as the row twice."""


def name_of(check: partial[None]) -> str:
    """The name of a check, with the options that tell it from others of its name."""
    return "-".join([check.func.__name__, *(f"{option}={value}" for option, value in check.keywords.items())])


def checks() -> Iterator[Any]:
    """Each estimator with each of its checks; `make test` has a check with the first estimator that it is for."""
    known: set[str] = set()
    for estimator in ESTIMATORS:
        own = set()
        for prepared, check in estimator_checks_generator(estimator):
            name = name_of(check)
            own.add(name)
            marks = [pytest.mark.breadth] if name in known else []
            if name == WEIGHTS and estimator.learner in REASONS:
                marks.append(pytest.mark.xfail(reason=REASONS[estimator.learner]))
            yield pytest.param(prepared, check, marks=marks, id=f"{type(estimator).__name__}-{name}")
        known |= own


@pytest.mark.parametrize(("estimator", "check"), list(checks()))
def test_an_adapter_passes_the_checks(estimator: Any, check: Any) -> None:
    """All checks that scikit-learn has for estimators of this kind."""
    check(estimator)
