"""Options, columns and labels that a generalised linear model refuses."""

from typing import Any

import numpy as np
import pytest

from tests.learners.linear.fits import Fit
from yarnml.data.schema import Feature, Schema
from yarnml.errors import DataError, JobFileError
from yarnml.job.learners import Gamma, Huber, Linear, Poisson, Svm
from yarnml.learners.registry import build_learner

NUMBER = Schema((Feature("x", 3),), "y", "number", ())
TWO = Schema((Feature("x", 3),), "y", "class", ("no", "yes"))
WIDE = Schema((Feature("x", 2000),), "y", "number", ())


@pytest.mark.parametrize(
    ("options", "columns", "words"),
    [
        (Linear(l1=0.1, clip_norm=1.0), NUMBER, "learner.l1 needs learner.solver: fista, not an optimizer"),
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
