"""Solvers that have converged, and jobs that end or go on with them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import datasets

import yarnml
from tests.learners.linear.fits import CANCER, DIABETES, WINE, Fit
from tests.tiers import cases
from yarnml.events.events import Converged, Event
from yarnml.job.learners import GeneralisedLinear, Linear, Logistic, Poisson, Softmax
from yarnml.learners.named_arrays import tensors

pytestmark = pytest.mark.long

WriteTable = Callable[..., Path]


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


UNFINISHED = {
    "lbfgs": ({"kind": "poisson", "solver": "lbfgs"}, 3),
    "newton": ({"kind": "poisson", "solver": "newton"}, 2),
    "fista": ({"kind": "linear", "solver": "fista", "l1": 0.1}, 3),
    "kmeans": ({"kind": "kmeans", "clusters": 5}, 4),
    "mixture": ({"kind": "gaussian_mixture", "clusters": 3}, 5),
    "pca": ({"kind": "pca", "components": 2, "method": "randomised"}, 2),
}


@pytest.mark.parametrize("name", cases(UNFINISHED, {"newton", "kmeans"}))
def test_a_job_says_that_it_has_not_converged(write_table: WriteTable, name: str) -> None:
    """The outcome and model.json say so, with what to do, after too few epochs; after enough they say the opposite."""
    learner, epochs = UNFINISHED[name]
    x, y = datasets.load_digits(return_X_y=True) if learner["kind"] == "pca" else DIABETES
    path = write_table("train.parquet", x=list(x), y=y)
    job = poisson(path, str(learner["kind"]), "lbfgs", epochs) | {"learner": learner}
    if learner["kind"] in ("kmeans", "gaussian_mixture", "pca"):
        del job["data"]["label"]
    outcome = yarnml.run(job, "inline")
    assert outcome.converged is False
    assert outcome.remarks[0].startswith(f"not converged after {epochs} epochs: raise training.epochs")
    about = yarnml.load_model(str(outcome.export)).about
    assert (about["converged"], about["remarks"]) == (False, outcome.remarks)
    job["training"]["epochs"] = 500
    outcome = yarnml.run(job, "inline")
    assert (outcome.converged, outcome.remarks) == (True, [])


def test_gradient_descent_and_normal_equations_tell_nothing_of_convergence(write_table: WriteTable) -> None:
    """Neither a run of epochs nor a solution has an end that it could miss."""
    x, y = DIABETES
    path = write_table("train.parquet", x=list(x), y=y)
    for learner in (
        {"kind": "linear", "optimizer": {"kind": "sgd", "learning_rate": 0.1}},
        {"kind": "linear", "solver": "normal"},
    ):
        job = poisson(path, str(learner.get("solver", "none")), "lbfgs", 1) | {"learner": learner}
        outcome = yarnml.run(job, "inline")
        assert (outcome.converged, outcome.remarks) == (None, [])


@pytest.mark.parametrize(
    ("learner", "separable"),
    [
        ({"kind": "logistic", "solver": "newton"}, True),
        ({"kind": "softmax", "solver": "lbfgs"}, True),
        ({"kind": "logistic", "solver": "newton", "l2": 0.1}, False),
    ],
    ids=["newton", "lbfgs", "l2"],
)
def test_classes_that_a_plane_tells_apart_are_told(
    write_table: WriteTable, learner: dict[str, Any], separable: bool
) -> None:
    """Without a penalty such coefficients have no best values, which is a remark; with one there is none."""
    x, y = (a[:100] for a in datasets.load_iris(return_X_y=True))
    path = write_table("train.parquet", x=list(x), y=y)
    job = poisson(path, "apart", "lbfgs", 60) | {"learner": learner}
    remarks = yarnml.run(job, "inline").remarks
    assert any("a plane tells the classes apart" in remark for remark in remarks) is separable


def test_a_column_that_tells_some_rows_apart_is_told(write_table: WriteTable) -> None:
    """A coefficient that grows without end, since all rows with it have one class, is named."""
    random = np.random.default_rng(1)
    x = random.normal(size=1000)
    sure = random.random(1000) < 0.3
    y = np.where(sure, 1, x + random.normal(size=1000) > 0).astype(int)
    path = write_table("train.parquet", x=x, sure=sure.astype(float), y=y)
    job = poisson(path, "some", "newton", 20) | {"learner": {"kind": "logistic", "solver": "newton"}}
    job["data"]["features"] = ["x", "sure"]
    expected = "no best coefficients, since they tell some rows apart: sure; give learner.l2"
    assert expected in yarnml.run(job, "inline").remarks
