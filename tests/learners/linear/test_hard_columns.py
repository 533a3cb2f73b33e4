"""Columns that are far from 0, nearly collinear or of very different sizes, beside references in float64.

The references are least squares by QR and iteratively reweighted least squares on centred columns, as R and statsmodels
compute them.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import linear_model

import yarnml
from tests.tiers import cases
from yarnml.events.console import summary
from yarnml.model.model import Model

pytestmark = pytest.mark.long

Array = np.ndarray[Any, Any]
Columns = dict[str, Array]
Train = Callable[..., Model]

LONGLEY = """
60323 83.0 234289 2356 1590 107608 1947\n61122 88.5 259426 2325 1456 108632 1948
60171 88.2 258054 3682 1616 109773 1949\n61187 89.5 284599 3351 1650 110929 1950
63221 96.2 328975 2099 3099 112075 1951\n63639 98.1 346999 1932 3594 113270 1952
64989 99.0 365385 1870 3547 115094 1953\n63761 100.0 363112 3578 3350 116219 1954
66019 101.2 397469 2904 3048 117388 1955\n67857 104.6 419180 2822 2857 118734 1956
68169 108.4 442769 2936 2798 120445 1957\n66513 110.8 444546 4681 2637 121950 1958
68655 112.6 482704 3813 2552 123366 1959\n69564 114.2 502601 3931 2514 125368 1960
69331 115.7 518173 4806 2572 127852 1961\n70551 116.9 554894 4007 2827 130081 1962
"""
"""Longley, "An Appraisal of Least Squares Programs", JASA 1967; the label first."""
CERTIFIED = [-3482258.63459582, 15.0618722713733, -0.035819179292591, -2.02022980381683, -1.03322686717359]
CERTIFIED += [-0.0511041056535807, 1829.15146461355]
CERTIFIED_ERRORS = [890420.383607373, 84.9149257747669, 0.334910077722432e-01, 0.488399681651699, 0.214274163161675]
CERTIFIED_ERRORS += [0.226073200069370, 455.478499142212]
"""The coefficients, the intercept first, and their standard errors, certified by NIST."""


@pytest.fixture
def train(write_table: Callable[..., Path]) -> Train:
    """Trains a linear model inline, without scaling, on columns and a label; returns the exported model."""

    def run(columns: Columns, y: Array, learner: dict[str, Any], **training: Any) -> Model:
        path = write_table("train.parquet", **columns, y=y)
        job = {
            "name": "columns",
            "data": {"train": str(path), "features": list(columns), "label": "y"},
            "learner": learner,
            "training": {"shards": 3, **training},
            "checkpoint": {"path": str(path.parent / "job"), "every": "100 epochs"},
            "export": str(path.parent / "models"),
        }
        if learner["kind"] != "logistic":
            job["data"]["label_type"] = "number"
        return yarnml.load_model(str(yarnml.run(job, backend="inline", restart=True).export))

    return run


def estimates(model: Model) -> tuple[Array, Array]:
    """Slopes and their standard errors, NaN where there is none."""
    table = model.coefficients()
    errors = [np.nan if error is None else error for error in table["standard_error"].to_pylist()]
    return np.array(table["coefficient"])[1:], np.array(errors)[1:]


def reweighted(columns: Columns, y: Array, kind: str) -> tuple[Array, Array]:
    """Slopes and standard errors by Fisher scoring with QR, on centred columns of unit size, in float64."""
    x = np.column_stack(list(columns.values())).astype(np.float64)
    size = x.std(axis=0)
    design = np.column_stack([np.ones(len(y)), (x - x.mean(axis=0)) / size])
    beta = np.zeros(design.shape[1])
    beta[0] = np.log(y.mean()) if kind == "poisson" else 0.0
    for _ in range(1 if kind == "linear" else 30):
        eta = design @ beta
        mean = {"linear": eta, "poisson": np.exp(eta), "logistic": 1 / (1 + np.exp(-eta))}[kind]
        weight = {"linear": np.ones(len(y)), "poisson": mean, "logistic": mean * (1 - mean)}[kind]
        q, r = np.linalg.qr(np.sqrt(weight)[:, None] * design)
        beta = beta + np.linalg.solve(r, q.T @ ((y - mean) / np.sqrt(weight)))
    variance = np.square(np.linalg.inv(r)).sum(axis=1)
    if kind == "linear":
        variance *= np.square(y - design @ beta).sum() / (len(y) - len(beta))
    return beta[1:] / size, np.sqrt(variance)[1:] / size


def random_columns(name: str) -> tuple[Columns, Array]:
    """Columns that are hard for sums in float32, and a linear predictor of them, of deviation 1 or so."""
    random = np.random.default_rng(5)
    x = random.normal(size=4000)
    if name == "years":
        year = random.integers(2010, 2021, 4000)
        return {"year": year, "x": x}, 0.3 * (year - 2015) + 0.5 * x
    if name == "places in a city":
        places = 40.75 + 0.03 * random.normal(size=4000), -73.98 + 0.03 * random.normal(size=4000)
        return dict(zip(("lat", "lon"), places, strict=True)), 20 * (places[0] - 40.75) - 30 * (places[1] + 73.98)
    if name == "seconds of an hour":
        seconds = 1_700_000_000 + random.integers(0, 3600, 4000)
        return {"seconds": seconds, "x": x}, 1e-3 * (seconds - 1_700_001_800) + 0.5 * x
    centre = float(name.removeprefix("a square around "))
    value = centre + 5 * x
    return {"value": value, "square": value**2}, 0.02 * (value - centre) ** 2 - 0.5


HARD = ["years", "places in a city", "seconds of an hour", *(f"a square around {c}" for c in (200, 400, 1400, 2010))]


@pytest.mark.long
@pytest.mark.parametrize(
    "name", cases(HARD, ["years", "seconds of an hour", "a square around 400", "a square around 2010"])
)
def test_unscaled_columns_have_the_estimates_of_float64(train: Train, name: str) -> None:
    """Coefficients of `normal` agree to a hundredth of their errors, and these to 0.1 %, whatever the mean is."""
    columns, eta = random_columns(name)
    y = eta + np.random.default_rng(6).normal(size=len(eta))
    slopes, errors = reweighted(columns, y, "linear")
    model = train(columns, y, {"kind": "linear", "solver": "normal"})
    ours, our_errors = estimates(model)
    np.testing.assert_allclose((ours - slopes) / errors, 0, atol=1e-2)
    np.testing.assert_allclose(our_errors, errors, rtol=1e-3)
    assert np.mean(np.square(model.predict(columns) - y)) < 1.001 * np.mean(np.square(y - eta)) + 1e-3


@pytest.mark.long
@pytest.mark.parametrize("kind", cases(["poisson", "logistic"], ["logistic"]))
@pytest.mark.parametrize("name", ["years", "seconds of an hour", "a square around 2010"])
def test_newton_on_unscaled_columns_has_the_estimates_of_float64(train: Train, kind: str, name: str) -> None:
    """Estimates for counts and for classes agree as closely, by Newton's method."""
    columns, eta = random_columns(name)
    random = np.random.default_rng(7)
    y = random.poisson(np.exp(0.3 * eta)) if kind == "poisson" else random.random(len(eta)) < 1 / (1 + np.exp(-eta))
    slopes, errors = reweighted(columns, y.astype(np.float64), kind)
    ours, our_errors = estimates(train(columns, y, {"kind": kind, "solver": "newton"}))
    np.testing.assert_allclose((ours - slopes) / errors, 0, atol=1e-2)
    np.testing.assert_allclose(our_errors, errors, rtol=1e-3)


@pytest.mark.parametrize("solver", ["normal", "newton"])
def test_longley_is_as_certified(train: Train, solver: str) -> None:
    """The classic test of least squares, unscaled: coefficients and errors are those that NIST certifies."""
    table = np.array([line.split() for line in LONGLEY.split("\n") if line], np.float64)
    columns = dict(zip(("deflator", "gnp", "unemployed", "armed", "population", "year"), table.T[1:], strict=True))
    coefficients = train(columns, table[:, 0], {"kind": "linear", "solver": solver}).coefficients()
    np.testing.assert_allclose(coefficients["coefficient"], CERTIFIED, rtol=1e-4)
    np.testing.assert_allclose(coefficients["standard_error"], CERTIFIED_ERRORS, rtol=1e-4)


@pytest.mark.long
@pytest.mark.parametrize("solver", ["lbfgs", "fista"])
def test_sizes_of_columns_cost_no_passes(train: Train, solver: str) -> None:
    """Columns of sizes from 1e-3 to 1e5, unscaled, are fitted as by least squares."""
    random = np.random.default_rng(8)
    size = 10.0 ** np.arange(-3, 6)
    x = (random.normal(size=(2000, 9)) + 3) * size
    y = (x / size) @ np.ones(9) + random.normal(size=2000)
    columns = {f"x{j}": x[:, j] for j in range(9)}
    slopes, errors = reweighted(columns, y, "linear")
    ours, _ = estimates(train(columns, y, {"kind": "linear", "solver": solver}))
    np.testing.assert_allclose((ours - slopes) / errors, 0, atol=1e-2)


@pytest.mark.parametrize(
    ("learner", "reference"),
    [
        ({"solver": "newton", "l2": 0.1}, linear_model.Ridge(alpha=0.1 * 500)),
        ({"solver": "lbfgs", "l2": 0.1}, linear_model.Ridge(alpha=0.1 * 500)),
        ({"solver": "fista", "l1": 0.5}, linear_model.Lasso(alpha=0.5, tol=1e-10)),
        ({"solver": "fista", "l1": 0.2, "l2": 0.2}, linear_model.ElasticNet(alpha=0.4, l1_ratio=0.5, tol=1e-10)),
    ],
    ids=["ridge-newton", "ridge-lbfgs", "lasso", "elastic-net"],
)
def test_penalties_of_unscaled_columns_are_in_their_units(
    train: Train, learner: dict[str, Any], reference: Any
) -> None:
    """A penalty sees the weights of the columns as they are, so it is scikit-learn's on the same columns."""
    random = np.random.default_rng(9)
    x = random.normal(size=(500, 4)) * [0.3, 1, 3, 10] + [5, 0, -20, 100]
    y = x @ [2.0, 0.0, 0.5, -0.1] + random.normal(size=500)
    model = train({f"x{j}": x[:, j] for j in range(4)}, y, {"kind": "linear", **learner})
    ours, _ = estimates(model)
    right = reference.fit(x, y)
    np.testing.assert_allclose(ours, right.coef_, atol=1e-4 * np.abs(right.coef_).max())
    np.testing.assert_array_equal(ours == 0, right.coef_ == 0)


def test_columns_that_are_not_used_are_named(write_table: Callable[..., Path]) -> None:
    """The summary, model.json and the coefficients name a constant column and one that others explain, with reasons."""
    random = np.random.default_rng(3)
    a = random.normal(size=300)
    b = random.normal(size=300) + 1e4
    columns = {
        "a": a,
        "b": b,
        "sum": a + b,
        "same": np.full(300, 7.5),
        "last": a**2,
    }
    path = write_table("train.parquet", **columns, y=a - b + random.normal(size=300))
    job = {
        "name": "unused",
        "data": {"train": str(path), "features": list(columns), "label": "y", "label_type": "number"},
        "learner": {"kind": "linear", "solver": "normal"},
        "checkpoint": {"path": str(path.parent / "job")},
        "export": str(path.parent / "models"),
    }
    outcome = yarnml.run(job, backend="inline")
    expected = ["left out, constant: same", "left out, explained by the columns before it: sum"]
    assert outcome.remarks == expected
    assert [line for line in summary(outcome).splitlines() if "left out" in line] == [
        f"note        {e}" for e in expected
    ]
    model = yarnml.load_model(str(outcome.export))
    assert model.about["remarks"] == expected
    table = model.coefficients()
    reasons = dict(zip(table["feature"].to_pylist(), table["left_out"].to_pylist(), strict=True))
    assert {name: why for name, why in reasons.items() if why} == {
        "same": "constant",
        "sum": "explained by the columns before it",
    }
    assert yarnml.run(job, backend="inline").remarks == expected
