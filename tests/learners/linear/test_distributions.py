"""Quantiles, overdispersed counts and classes in order, beside statsmodels on real tables."""

from typing import Any

import numpy as np
import pytest

import yarnml
from tests.compiling import quick_compiling
from yarnml.errors import DataError

pytestmark = pytest.mark.long

__all__ = ["quick_compiling"]

Array = np.ndarray[Any, Any]


def columns(name: str, features: list[str], label: str, rows: int) -> tuple[Array, Array]:
    """Features and label of the first rows of a table of statsmodels."""
    table = getattr(pytest.importorskip("statsmodels.api").datasets, name).load_pandas().data.iloc[:rows]
    return table[features].to_numpy(), table[label].to_numpy()


def test_overdispersed_counts_are_those_of_statsmodels() -> None:
    """With a given alpha coefficients agree to 1e-4 of their errors, errors to 1e-5, the mean loss to 1e-6."""
    models = pytest.importorskip("statsmodels.api")
    x, y = columns("randhie", ["lncoins", "idp", "disea"], "mdvis", 1000)
    reference = models.GLM(y, models.add_constant(x), models.families.NegativeBinomial(alpha=0.7)).fit()
    model = yarnml.fit(x, label=y, learner={"kind": "negative_binomial", "alpha": 0.7}, test=(x, y))
    table = model.coefficients()
    np.testing.assert_allclose((table["coefficient"] - reference.params) / reference.bse, 0, atol=1e-4)
    np.testing.assert_allclose(table["standard_error"], reference.bse, rtol=1e-5)
    assert model.outcome
    assert model.outcome.metrics["test"]["loss"] == pytest.approx(reference.deviance / len(y) / 2, rel=1e-6)
    with pytest.raises(DataError, match="needs counts, numbers of 0 or more"):
        yarnml.fit(x, label=y - 1, learner={"kind": "negative_binomial", "alpha": 0.7})


@pytest.mark.parametrize("quantile", [pytest.param(0.5, marks=pytest.mark.breadth), 0.9])
def test_quantiles_are_those_of_statsmodels(quantile: float) -> None:
    """The loss in the label's units is the exact least one, to 5e-6 of it, and coefficients agree to 1e-3."""
    models = pytest.importorskip("statsmodels.api")
    x, y = columns("engel", ["income"], "foodexp", 235)
    design = models.add_constant(x)
    reference = models.QuantReg(y, design).fit(q=quantile, max_iter=5000)
    model = yarnml.fit(x, label=y, learner={"kind": "quantile", "quantile": quantile}, test=(x, y))
    error = y - reference.predict(design)
    least = np.maximum(quantile * error, (quantile - 1) * error).mean()
    assert model.outcome
    assert model.outcome.converged
    assert model.outcome.metrics["test"]["loss"] == pytest.approx(least, rel=5e-6)
    np.testing.assert_allclose(model.coefficients()["coefficient"], reference.params, rtol=1e-3)


def test_classes_in_order_are_those_of_statsmodels() -> None:
    """Intercepts are minus its thresholds, coefficients agree to 1e-3 of their errors, probabilities to 1e-5."""
    ordered = pytest.importorskip("statsmodels.miscmodels.ordinal_model").OrderedModel
    x, y = columns("fair", ["age", "children", "religious", "educ"], "rate_marriage", 1000)
    words = np.array(["", "awful", "bad", "so", "good", "best"])
    reference = ordered(y, x, distr="logit").fit(method="bfgs", disp=0, maxiter=500, gtol=1e-7)
    model = yarnml.fit(
        x,
        label=words[y.astype(int)],
        learner={"kind": "ordinal", "solver": "newton"},
        data={"classes": words[1:].tolist()},
    )
    table = model.coefficients()
    assert table["feature"].to_pylist()[:5] == ["(awful|bad)", "(bad|so)", "(so|good)", "(good|best)", "x[0]"]
    thresholds = reference.model.transform_threshold_params(reference.params[4:])[1:-1]
    errors = reference.bse[:4]
    np.testing.assert_allclose(table["coefficient"][:4], -thresholds, atol=1e-3)
    np.testing.assert_allclose((np.array(table["coefficient"][4:]) - reference.params[:4]) / errors, 0, atol=1e-3)
    np.testing.assert_allclose(table["standard_error"][4:], errors, rtol=1e-4)
    np.testing.assert_allclose(model.predict_proba(x), reference.predict(x), atol=1e-5)
