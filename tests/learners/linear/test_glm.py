"""Generalised linear models by full passes: each solver finds what scikit-learn finds."""

from typing import Any, NamedTuple

import numpy as np
import pytest
from sklearn import linear_model, svm
from sklearn.preprocessing import StandardScaler

from tests.learners.linear.fits import CANCER, DIABETES, WINE, Fit
from tests.tiers import cases
from yarnml.job.learners import Gamma, Huber, Linear, Logistic, Poisson, Softmax, Svm
from yarnml.model.coefficients import coefficients

pytestmark = pytest.mark.long


class Case(NamedTuple):
    """Options, data, scikit-learn's model of the same objective, passes that are enough, tolerance of the largest."""

    options: Any
    data: tuple[Any, Any]
    reference: Any
    passes: int
    tolerance: float


def n(data: tuple[Any, Any]) -> int:
    return len(data[1])


def logistic(l2: float, data: tuple[Any, Any]) -> Any:
    return linear_model.LogisticRegression(C=1 / (l2 * n(data)), tol=1e-10, max_iter=10_000)


SPARSE = linear_model.LogisticRegression(
    C=1 / (0.02 * n(WINE)), l1_ratio=1.0, solver="saga", tol=1e-9, max_iter=20_000, random_state=0
)
RIDGE = linear_model.Ridge(alpha=0.1 * n(DIABETES))
NET = linear_model.ElasticNet(alpha=2.0, l1_ratio=0.8, tol=1e-10, max_iter=100_000)
COUNTS = linear_model.PoissonRegressor(alpha=0.1, tol=1e-10, max_iter=10_000)
AMOUNTS = linear_model.GammaRegressor(alpha=0.1, tol=1e-10, max_iter=10_000)
MARGIN = svm.LinearSVC(C=1 / (0.02 * n(CANCER)), dual=False, intercept_scaling=1e3, tol=1e-10, max_iter=100_000)

CASES = {
    "ols-normal": Case(Linear(solver="normal"), DIABETES, linear_model.LinearRegression(), 1, 1e-4),
    "ols-lbfgs": Case(Linear(solver="lbfgs"), DIABETES, linear_model.LinearRegression(), 40, 1e-5),
    "ridge-newton": Case(Linear(solver="newton", l2=0.1), DIABETES, RIDGE, 3, 1e-5),
    "lasso": Case(Linear(solver="fista", l1=2.0), DIABETES, linear_model.Lasso(alpha=2.0, tol=1e-10), 100, 1e-4),
    "elastic-net": Case(Linear(solver="fista", l1=1.6, l2=0.4), DIABETES, NET, 60, 1e-5),
    "logistic-newton": Case(Logistic(solver="newton", l2=0.01), CANCER, logistic(0.01, CANCER), 10, 1e-4),
    "logistic-lbfgs": Case(Logistic(solver="lbfgs", l2=0.01), CANCER, logistic(0.01, CANCER), 40, 1e-4),
    "softmax-newton": Case(Softmax(solver="newton", l2=0.02), WINE, logistic(0.02, WINE), 10, 1e-4),
    "softmax-lbfgs": Case(Softmax(solver="lbfgs", l2=0.02), WINE, logistic(0.02, WINE), 40, 1e-4),
    "softmax-l1": Case(Softmax(solver="fista", l1=0.02), WINE, SPARSE, 300, 1e-4),
    "poisson-lbfgs": Case(Poisson(solver="lbfgs", l2=0.1), DIABETES, COUNTS, 60, 1e-4),
    "gamma-newton": Case(Gamma(solver="newton", l2=0.1), DIABETES, AMOUNTS, 30, 1e-4),
    "gamma-lbfgs": Case(Gamma(solver="lbfgs", l2=0.1), DIABETES, AMOUNTS, 60, 1e-4),
    "svm-newton": Case(Svm(solver="newton", l2=0.02), CANCER, MARGIN, 30, 1e-4),
    "svm-lbfgs": Case(Svm(solver="lbfgs", l2=0.02), CANCER, MARGIN, 60, 1e-4),
}

BASIC = set(CASES) - {"ridge-newton", "logistic-lbfgs", "softmax-newton", "gamma-lbfgs", "svm-newton"}
"""Every kind and every solver; not every pair of them."""


@pytest.mark.long
@pytest.mark.parametrize("name", cases(CASES, BASIC))
def test_a_solver_finds_what_scikit_learn_finds(name: str) -> None:
    """On real data all coefficients agree, to the stated part of the largest one."""
    case = CASES[name]
    fit = Fit(case.options, case.data).passes(case.passes)
    right = case.reference.fit(StandardScaler().fit_transform(case.data[0]), case.data[1])
    expected = right.coef_.T.reshape(fit.weight.shape)
    np.testing.assert_allclose(fit.weight, expected, atol=case.tolerance * np.abs(expected).max())
    bias = fit.bias - fit.bias.mean()
    intercept = right.intercept_ - np.mean(right.intercept_)
    if fit.bias.ndim == 0:
        bias = fit.bias
        intercept = np.ravel(right.intercept_)[0]
    np.testing.assert_allclose(bias, intercept, atol=case.tolerance * max(1.0, np.abs(intercept).max()))


def test_huber_agrees() -> None:
    """With the scale that scikit-learn's HuberRegressor finds, the coefficients are its own."""
    right = linear_model.HuberRegressor(alpha=0.0, tol=1e-8, max_iter=10_000)
    right.fit(StandardScaler().fit_transform(DIABETES[0]), DIABETES[1])
    for solver, passes in (("newton", 40), ("lbfgs", 80)):
        fit = Fit(Huber(solver=solver, delta=1.35 * right.scale_), DIABETES).passes(passes)
        np.testing.assert_allclose(fit.weight, right.coef_, atol=1e-3 * np.abs(right.coef_).max())


def test_lasso_has_exact_zeros() -> None:
    """The proximal solver leaves out the features that scikit-learn's lasso leaves out, exactly."""
    fit = Fit(Linear(solver="fista", l1=5.0), DIABETES).passes(100)
    right = linear_model.Lasso(alpha=5.0).fit(StandardScaler().fit_transform(DIABETES[0]), DIABETES[1])
    assert 0 < (right.coef_ == 0).sum() < len(right.coef_)
    np.testing.assert_array_equal(fit.weight == 0, right.coef_ == 0)


def test_a_trial_that_overflows_is_taken_back() -> None:
    """The first proximal steps on counts of a hundred are so long that exp overflows, and the fit is still right."""
    right = linear_model.PoissonRegressor(alpha=10.0, tol=1e-10, max_iter=10_000)
    right.fit(StandardScaler().fit_transform(DIABETES[0]), DIABETES[1])
    fit = Fit(Poisson(solver="fista", l2=10.0), DIABETES).passes(100)
    np.testing.assert_allclose(fit.weight, right.coef_, atol=1e-3 * np.abs(right.coef_).max())


def test_weights_count_rows() -> None:
    """Whole-number weights give the coefficients, and the standard errors, of the repeated rows."""
    x, y = DIABETES
    counts = np.arange(len(y)) % 3
    weighted = Fit(Linear(solver="normal"), DIABETES, weight=counts).passes(2)
    repeated = Fit(Linear(solver="normal"), (np.repeat(x, counts, axis=0), np.repeat(y, counts))).passes(2)
    for name in ("parameters/weight", "parameters/bias", "parameters/covariance"):
        np.testing.assert_allclose(weighted.arrays[name], repeated.arrays[name], rtol=1e-3, atol=1e-4)


def test_a_column_that_others_explain_gets_nothing() -> None:
    """The second of two equal columns has no coefficient and no standard error; the fit is the same."""
    x, y = DIABETES
    once = Fit(Linear(solver="normal"), DIABETES).passes(2)
    twice = Fit(Linear(solver="normal"), (np.column_stack([x, x[:, 2]]), y)).passes(2)
    np.testing.assert_allclose(twice.weight, [*once.weight, 0.0], rtol=1e-3, atol=1e-2)
    assert coefficients(twice.arrays, twice.schema)["standard_error"].to_pylist()[-1] is None
