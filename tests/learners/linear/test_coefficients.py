"""Tables of coefficients and standard errors, in the units of the data."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from sklearn import datasets

import yarnml
from tests.learners.linear.fits import CANCER, DIABETES, WINE, Fit
from yarnml.data.schema import Feature, Schema
from yarnml.errors import ExportError
from yarnml.job.learners import Gamma, GeneralisedLinear, Logistic, Mlp, Poisson, Softmax
from yarnml.learners.named_arrays import tensors
from yarnml.learners.registry import build_learner
from yarnml.model.coefficients import coefficients

pytestmark = pytest.mark.long

WriteTable = Callable[..., Path]


def fisher(kind: type[GeneralisedLinear], x: Any, y: Any) -> tuple[Any, Any]:
    """Coefficients and standard errors in float64 by iteratively reweighted least squares, the intercept first."""
    design = np.column_stack([np.ones(len(y)), x])
    beta = np.zeros(x.shape[1] + 1)
    if kind is not Logistic:
        beta[0] = np.log(y.mean())
    for _ in range(50):
        eta = design @ beta
        mean = 1 / (1 + np.exp(-eta)) if kind is Logistic else np.exp(eta)
        weight = {Logistic: mean * (1 - mean), Poisson: mean, Gamma: np.ones(len(y))}[kind]
        slope = (y - mean) / (mean if kind is Gamma else 1)
        information = design.T @ (weight[:, None] * design)
        beta = beta + np.linalg.solve(information, design.T @ slope)
    dispersion = np.square(y / mean - 1).sum() / (len(y) - len(beta)) if kind is Gamma else 1.0
    return beta, np.sqrt(dispersion * np.diag(np.linalg.inv(information)))


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (Logistic, (CANCER[0][:, [1, 4, 8]], CANCER[1])),
        (Poisson, (DIABETES[0][:, [0, 2, 3, 8]], DIABETES[1])),
        (Gamma, (DIABETES[0][:, [0, 2, 3, 8]], DIABETES[1])),
    ],
    ids=["logistic", "poisson", "gamma"],
)
def test_standard_errors_are_those_of_fishers_information(kind: type[GeneralisedLinear], data: tuple[Any, Any]) -> None:
    """In the units of the data, coefficients and their standard errors agree with a float64 fit to 0.1 %."""
    fit = Fit(kind(solver="newton"), data).passes(40)
    table = coefficients(fit.arrays, fit.schema)
    beta, errors = fisher(kind, *data)
    np.testing.assert_allclose(table["coefficient"], beta, rtol=1e-3)
    np.testing.assert_allclose(table["standard_error"], errors, rtol=1e-3)


def test_coefficients_of_an_exported_model_are_in_the_units_of_the_data(write_table: WriteTable) -> None:
    """One pass over the diabetes data: least squares by the book, intercept and standard errors too, to 0.1 %."""
    x, y = DIABETES
    names = datasets.load_diabetes().feature_names
    path = write_table("train.parquet", **dict(zip(names, x.T, strict=True)), y=y)
    job = {
        "name": "book",
        "data": {"train": str(path), "features": names, "label": "y", "scale": "standard"},
        "learner": {"kind": "linear", "solver": "normal"},
        "training": {"epochs": 1, "batch_size": "full", "shards": 3},
        "checkpoint": {"path": str(path.parent / "job")},
        "export": str(path.parent / "models"),
    }
    model = yarnml.load_model(str(yarnml.run(job, backend="inline").export))
    design = np.column_stack([np.ones(len(y)), x])
    beta, (rss,), *_ = np.linalg.lstsq(design, y, rcond=None)
    errors = np.sqrt(np.diag(np.linalg.inv(design.T @ design)) * rss / (len(y) - design.shape[1]))
    table = model.coefficients()
    assert table["feature"].to_pylist() == ["(intercept)", *names]
    np.testing.assert_allclose(table["coefficient"], beta, rtol=1e-3, atol=1e-3 * np.abs(beta[1:]).max())
    np.testing.assert_allclose(table["standard_error"], errors, rtol=1e-3)
    np.testing.assert_allclose(model.predict(x), design @ beta, rtol=1e-3)


def test_softmax_has_coefficients_for_every_class() -> None:
    """A softmax model lists a coefficient for every feature and class, and no standard errors, which it has not."""
    fit = Fit(Softmax(solver="lbfgs", l2=0.1), WINE).passes(10)
    table = coefficients(fit.arrays, fit.schema)
    assert table["class"].to_pylist()[:4] == [0, 1, 2, 0]
    assert table["standard_error"].null_count == len(table) == 14 * 3


def test_other_models_have_no_coefficients() -> None:
    """A perceptron has none, and says so."""
    learner = build_learner(Mlp(hidden=[3]), Schema((Feature("x", 4),), "y", "number", ()))
    arrays = tensors({"parameters": learner.parameters(learner.init(jax.random.key(0)))})
    with pytest.raises(ExportError, match="Only a linear model has coefficients"):
        coefficients(arrays, Schema((Feature("x", 4),), "y", "number", ()))
