"""Errors of coefficients, t, p-values and intervals, classical and robust, beside statsmodels on a real table."""

from typing import Any

import numpy as np
import pytest

import yarnml
from tests.compiling import quick_compiling
from yarnml.errors import ExportError, JobFileError
from yarnml.learners.linear.remarks import on_collinearity
from yarnml.model.model import Model

pytestmark = pytest.mark.long

__all__ = ["quick_compiling"]

Array = np.ndarray[Any, Any]


class Visits:
    """Visits to doctors of 1,000 people of the RAND experiment, with weights, and the models of statsmodels."""

    def __init__(self) -> None:
        self.models = pytest.importorskip("statsmodels.api")
        table = self.models.datasets.randhie.load_pandas().data.iloc[:1000]
        random = np.random.default_rng(0)
        self.x = table[["lncoins", "idp", "disea"]].to_numpy()
        self.y = table["mdvis"].to_numpy()
        self.design = np.column_stack([np.ones(len(self.x)), self.x])
        self.counts = random.integers(0, 4, len(self.x)).astype(float)
        self.precisions = random.uniform(0.3, 2, len(self.x))

    def fit(self, kind: str, weight: Array | None = None, **options: Any) -> Model:
        y = self.y + (kind == "gamma")
        return yarnml.fit(
            self.x,
            label=y,
            weight=weight,
            learner={"kind": kind, "solver": "newton", **options},
            training={"shards": 2},
        )

    def glm(self, family: Any, y: Array | None = None, chosen: Any = slice(None), **weights: Any) -> Any:
        y = self.y if y is None else y
        return self.models.GLM(y[chosen], self.design[chosen], family, **weights)


@pytest.fixture(scope="module")
def visits() -> Visits:
    return Visits()


def compare(model: Model, reference: Any, correction: float = 1.0) -> None:
    """All columns agree: errors to 1e-5, coefficients to 1e-4 of an error; ``correction``: of the other errors."""
    table = model.coefficients()
    errors = reference.bse * correction
    np.testing.assert_allclose(table["standard_error"], errors, rtol=1e-5)
    np.testing.assert_allclose((table["coefficient"] - reference.params) / errors, 0, atol=1e-4)
    np.testing.assert_allclose(table["statistic"], reference.params / errors, rtol=1e-5, atol=1e-4)
    if correction == 1.0:
        low, high = np.transpose(reference.conf_int())
        np.testing.assert_allclose((table["lower"] - low) / errors, 0, atol=3e-4)
        np.testing.assert_allclose((table["upper"] - high) / errors, 0, atol=3e-4)
        np.testing.assert_allclose(table["p_value"], reference.pvalues, rtol=2e-3, atol=1e-6)


def test_least_squares_have_students_t(visits: Visits) -> None:
    """Errors, t, p-values and intervals of any confidence are those of ordinary least squares."""
    model = visits.fit("linear")
    reference = visits.models.OLS(visits.y, visits.design).fit()
    compare(model, reference)
    low, high = reference.conf_int(0.01).T
    table = model.coefficients(confidence=0.99)
    np.testing.assert_allclose(np.column_stack([table["lower"], table["upper"]]).T, [low, high], rtol=1e-3)
    with pytest.raises(ExportError, match="lies between 0 and 1, so it can't be 95"):
        model.coefficients(confidence=95)


def test_analytic_weights_are_precisions(visits: Visits) -> None:
    """With weights that are precisions least squares have the robust errors of WLS, and gamma those by Pearson."""
    robust = visits.fit("linear", visits.precisions, weights="analytic", robust="HC1")
    reference = visits.models.WLS(visits.y, visits.design, weights=visits.precisions)
    compare(robust, reference.fit(cov_type="HC1"))
    amounts = visits.models.families.Gamma(visits.models.families.links.Log())
    amount = visits.glm(amounts, visits.y + 1, var_weights=visits.precisions).fit(use_t=True)
    compare(visits.fit("gamma", visits.precisions, weights="analytic"), amount)


def test_robust_errors_of_amounts(visits: Visits) -> None:
    """Gamma has the robust errors of GLM by the expected information."""
    amounts = visits.models.families.Gamma(visits.models.families.links.Log())
    expected = {"method": "newton", "optim_hessian": "eim", "tol": 1e-12}
    reference = visits.glm(amounts, visits.y + 1).fit(cov_type="HC0", **expected)
    compare(visits.fit("gamma", robust="HC0"), reference)


def test_frequency_weights_are_numbers_of_rows(visits: Visits) -> None:
    """With weights that count rows robust errors are those of the repeated rows; GLM has no factor of its own."""
    chosen = visits.counts > 0
    poisson = visits.models.families.Poisson()
    reference = visits.glm(poisson, chosen=chosen, freq_weights=visits.counts[chosen]).fit(cov_type="HC0")
    rows = visits.counts.sum()
    corrected = visits.fit("poisson", visits.counts, robust="HC1")
    compare(corrected, reference, np.sqrt(rows / (rows - 4)))


def test_robust_errors_without_their_pass_are_not_told(visits: Visits) -> None:
    """A solver that ends before the pass for errors has coefficients alone, and says that it has not converged."""
    model = yarnml.fit(visits.x, label=visits.y, learner={"kind": "poisson", "robust": "HC0"}, training={"epochs": 3})
    assert model.coefficients()["standard_error"].null_count == 4
    assert model.outcome
    assert not model.outcome.converged


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"robust": "HC0", "l2": 0.1}, "learner.robust HC0 is of coefficients without a penalty"),
        ({"robust": "HC1", "solver": "lbfgs"}, "comes from learner.solver newton, not from learner.solver lbfgs"),
        ({"robust": "HC1", "optimizer": {"kind": "sgd", "learning_rate": 0.1}}, "not from gradient descent"),
        ({"weights": "analytic"}, "learner.weights says what the column data.weight is, which is missing"),
    ],
)
def test_errors_that_there_are_not_are_refused(options: dict[str, Any], words: str) -> None:
    """Robust errors of penalised models or by other solvers, and a kind of weights without weights, are refused."""
    with pytest.raises(JobFileError, match=words):
        yarnml.fit({"x": [1.0, 2.0], "y": [1.0, 2.0]}, label="y", learner={"kind": "linear", **options})


@pytest.mark.parametrize(
    ("near", "words"),
    [(0.0, None), (0.999, None), (1 - 1e-7, "condition number 4,472: a, c; leave some out")],
)
def test_columns_that_nearly_explain_each_other_are_named(near: float, words: str | None) -> None:
    """Two columns with a correlation of almost 1 are warned of by name, others are not, nor one that was left out."""
    curvature = np.eye(4)
    curvature[0, 2] = curvature[2, 0] = near
    inverse = np.linalg.inv(curvature)
    inverse[3] = inverse[:, 3] = 0
    sentences = on_collinearity(inverse, ["a", "b", "c", "d"])
    assert [words in sentence for sentence in sentences] == ([True] if words else [])
