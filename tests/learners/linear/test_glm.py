"""Generalised linear models by full passes: what each solver finds is what scikit-learn or a closed form says."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import pytest
from sklearn import datasets, linear_model, svm
from sklearn.preprocessing import StandardScaler

import yarnml
from yarnml.data.scaling import moments, standard
from yarnml.data.schema import Feature, Rows, Schema
from yarnml.data.shards import part
from yarnml.errors import DataError, ExportError, JobFileError
from yarnml.events.events import Converged, Event
from yarnml.job.learners import Gamma, GeneralisedLinear, Huber, Linear, Logistic, Mlp, Poisson, Softmax, Svm
from yarnml.learners.registry import build_learner
from yarnml.model.coefficients import coefficients
from yarnml.worker.named_arrays import tensors
from yarnml.worker.program import Program

WriteTable = Callable[..., Path]

DIABETES = datasets.load_diabetes(return_X_y=True, scaled=False)
CANCER = datasets.load_breast_cancer(return_X_y=True)
WINE = datasets.load_wine(return_X_y=True)


class Fit:
    """A learner on standardised columns, driven as the mapper drives it: float32 sums by shard, added in float64."""

    def __init__(self, options: Any, data: tuple[Any, Any], weight: Any = None, shards: int = 2) -> None:
        x, y = data
        classes = () if isinstance(options, Linear | Poisson | Gamma | Huber) else tuple(range(int(y.max()) + 1))
        self.schema = Schema((Feature("x", x.shape[1]),), "y", "class" if classes else "number", classes)
        weight = np.ones(len(y)) if weight is None else weight
        kind = np.int32 if classes else np.float32
        self.rows = Rows(x.astype(np.float32), y.astype(kind), weight.astype(np.float32))
        self.learner = build_learner(options, self.schema)
        self.program = Program(self.learner, self.schema)
        self.scaling = standard(moments(self.rows), self.schema)
        self.state = jax.jit(self.learner.init)(jax.random.key(0))
        self._parts = [Rows(*(a[np.s_[slice(*part(len(y), shards, s))]] for a in self.rows)) for s in range(shards)]
        self.losses: list[float] = []

    def passes(self, count: int) -> "Fit":
        for _ in range(count):
            total = sum(self.program.map(self.state, self.scaling, rows).astype(np.float64) for rows in self._parts)
            self.state, scores = self.program.update(self.state, total)
            self.losses.append(float(scores.loss / scores.weight))
        return self

    @property
    def arrays(self) -> dict[str, Any]:
        return self.program.tensors(self.state, self.scaling)

    @property
    def weight(self) -> Any:
        return self.arrays["parameters/weight"]

    @property
    def bias(self) -> Any:
        return self.arrays["parameters/bias"]


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
    "poisson-lbfgs": Case(Poisson(solver="lbfgs", l2=0.1), DIABETES, COUNTS, 60, 1e-4),
    "gamma-newton": Case(Gamma(solver="newton", l2=0.1), DIABETES, AMOUNTS, 30, 1e-4),
    "gamma-lbfgs": Case(Gamma(solver="lbfgs", l2=0.1), DIABETES, AMOUNTS, 60, 1e-4),
    "svm-newton": Case(Svm(solver="newton", l2=0.02), CANCER, MARGIN, 30, 1e-4),
    "svm-lbfgs": Case(Svm(solver="lbfgs", l2=0.02), CANCER, MARGIN, 60, 1e-4),
}


@pytest.mark.long
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_solver_finds_what_scikit_learn_finds(case: Case) -> None:
    """On real data all coefficients agree, to the stated part of the largest one."""
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


SOLVED = {
    "normal": Linear(solver="normal", l2=0.1),
    "newton": Logistic(solver="newton", l2=0.1),
    "lbfgs": Poisson(solver="lbfgs", l2=0.1),
    "fista": Softmax(solver="fista", l1=0.02, l2=0.1),
}


@pytest.mark.parametrize("options", SOLVED.values(), ids=SOLVED)
def test_a_solver_that_has_converged_changes_nothing(options: GeneralisedLinear) -> None:
    """After enough passes, none of which raised the loss, the state is done, and further ones leave every bit of it."""
    data = {Logistic: CANCER, Softmax: WINE}.get(type(options), DIABETES)
    fit = Fit(options, data).passes(80)
    assert bool(fit.state.solver.done)
    assert np.isfinite(fit.losses).all()
    if options.solver in ("newton", "lbfgs"):  # trial points that were given up do not show
        assert (np.diff(fit.losses) <= 1e-5 * np.abs(fit.losses[:-1])).all()
    before = {name: a.tobytes() for name, a in tensors(fit.state).items()}
    fit.passes(3)
    assert {name: a.tobytes() for name, a in tensors(fit.state).items()} == before


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
    deviance = 2 * (y / mean - np.log(y / mean) - 1).sum() / (len(y) - len(beta)) if kind is Gamma else 1.0
    return beta, np.sqrt(deviance * np.diag(np.linalg.inv(information)))


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


def poisson(path: Path, name: str, solver: str, epochs: int) -> dict[str, Any]:
    """A job on the diabetes table at ``path``, in folders of its own."""
    return {
        "name": name,
        "data": {"train": str(path), "features": ["x"], "label": "y", "scale": "standard"},
        "learner": {"kind": "poisson", "solver": solver},
        "training": {"epochs": epochs, "batch_size": "full"},
        "checkpoint": {"path": str(path.parent / name)},
        "export": str(path.parent / "models" / name),
    }


def test_a_job_goes_on_inside_a_line_search(write_table: WriteTable) -> None:
    """Stopped after an evaluation and continued, a job ends with the bytes of one that ran through."""
    x, y = DIABETES
    path = write_table("train.parquet", x=list(x), y=y)
    models = []
    for name, stops in {"at-once": [7], "in-parts": [2, 3, 7]}.items():
        for epochs in stops:
            outcome = yarnml.run(poisson(path, name, "lbfgs", epochs), backend="inline")
        models.append(Path(str(outcome.export), "model.safetensors").read_bytes())
    assert models[0] == models[1]


@pytest.mark.long
def test_a_job_ends_when_its_solver_has_converged(write_table: WriteTable) -> None:
    """The epochs that are left are not trained; stopped and continued it ends at the same epoch with the same bytes."""
    x, y = DIABETES
    path = write_table("train.parquet", x=list(x), y=y)
    ends = {}
    for name, stops in {"at-once": [20], "in-parts": [2, 20, 30]}.items():
        for epochs in stops:
            events: list[Event] = []
            outcome = yarnml.run(poisson(path, name, "newton", epochs), "inline", say=events.append)
            said = [event for event in events if isinstance(event, Converged)]
            assert said == ([Converged(outcome.epochs, epochs)] if epochs == 20 else [])
        assert outcome.already == (name == "in-parts")
        assert 2 < outcome.epochs < 20
        ends[name] = outcome.epochs, Path(str(outcome.export), "model.safetensors").read_bytes()
    assert ends["at-once"] == ends["in-parts"]


def test_a_column_that_others_explain_gets_nothing() -> None:
    """The second of two equal columns has no coefficient and no standard error; the fit is the same."""
    x, y = DIABETES
    once = Fit(Linear(solver="normal"), DIABETES).passes(2)
    twice = Fit(Linear(solver="normal"), (np.column_stack([x, x[:, 2]]), y)).passes(2)
    np.testing.assert_allclose(twice.weight, [*once.weight, 0.0], rtol=1e-3, atol=1e-2)
    assert coefficients(twice.arrays, twice.schema)["standard_error"].to_pylist()[-1] is None


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


NUMBER = Schema((Feature("x", 3),), "y", "number", ())
TWO = Schema((Feature("x", 3),), "y", "class", ("no", "yes"))
WIDE = Schema((Feature("x", 2000),), "y", "number", ())


@pytest.mark.parametrize(
    ("options", "columns", "words"),
    [
        (Linear(l1=0.1), NUMBER, "learner.l1 needs learner.solver: fista, not an optimizer"),
        (Linear(l1=0.1, solver="lbfgs"), NUMBER, "learner.l1 needs learner.solver: fista, not lbfgs"),
        (Poisson(solver="normal"), NUMBER, "normal is for least squares; for learner.kind poisson choose newton"),
        (Linear(solver="newton", clip_norm=1.0), NUMBER, "learner.clip_norm is for gradient descent"),
        (Linear(solver="newton", optimizer={"kind": "sgd"}), NUMBER, "learner.optimizer is for gradient descent"),
        (Linear(solver="newton"), WIDE, "2000 of them at most, but there are 2001; choose lbfgs"),
        (Poisson(), TWO, "poisson predicts numbers"),
        (Gamma(), TWO, "gamma predicts numbers"),
        (Huber(), TWO, "huber predicts numbers"),
        (Svm(), NUMBER, "svm predicts classes"),
    ],
)
def test_what_does_not_go_together_is_refused(options: Any, columns: Schema, words: str) -> None:
    """A solver, a penalty or a kind that can't serve is a mistake in the job file, told in one sentence."""
    with pytest.raises(JobFileError, match=words):
        build_learner(options, columns)


@pytest.mark.parametrize(
    ("options", "label", "words"),
    [
        (Poisson(), -1.0, "Label 'y' holds -1, but learner.kind poisson needs counts, numbers of 0 or more"),
        (Poisson(solver="newton"), -1.0, "poisson needs counts"),
        (Gamma(solver="lbfgs"), 0.0, "Label 'y' holds 0, but learner.kind gamma needs numbers above 0"),
    ],
    ids=["poisson", "poisson-newton", "gamma"],
)
def test_labels_that_a_family_cannot_take_are_refused(options: Any, label: float, words: str) -> None:
    """A negative count is told by the label's name and value, in training and in evaluation, with any solver."""
    y = np.array([1.0, 2.0, 3.0, label])
    fit = Fit(options, (np.arange(8.0).reshape(4, 2), y))
    with pytest.raises(DataError, match=words):
        fit.passes(1)
    with pytest.raises(DataError, match=words):
        fit.program.evaluate(fit.state, fit.scaling, fit.rows)
