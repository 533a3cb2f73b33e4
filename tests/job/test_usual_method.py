"""The method of a generalised linear model whose job file does not name one."""

from typing import Any

import pytest

from yarnml.job.learners.linear import MAX_COEFFICIENTS, PRIOR, Method, usual_method
from yarnml.job.load import load_job, with_values

DATA = {"train": "data.csv", "features": ["x"], "label": "y", "validation": 0.2}


@pytest.mark.parametrize(
    ("l1", "l2", "coefficients", "unbounded", "method"),
    [
        (False, False, 10, False, Method("newton", 0.0)),
        (False, False, MAX_COEFFICIENTS, False, Method("newton", 0.0)),
        (False, False, MAX_COEFFICIENTS + 1, False, Method("lbfgs", 0.0)),
        (False, True, 10, False, Method("newton", 0.0)),
        (True, False, 10, False, Method("fista", 0.0)),
        (True, True, MAX_COEFFICIENTS + 1, True, Method("fista", 0.0)),
        (False, False, 10, True, Method("newton", PRIOR)),
        (False, False, MAX_COEFFICIENTS + 1, True, Method("lbfgs", PRIOR)),
        (False, True, 10, True, Method("newton", 0.0)),
    ],
)
def test_the_usual_method(l1: bool, l2: bool, coefficients: int, unbounded: bool, method: Method) -> None:
    """Newton while its matrix is small, L-BFGS beyond, FISTA for l1; a prior where nothing else bounds coefficients."""
    assert usual_method(l1=l1, l2=l2, coefficients=coefficients, unbounded=unbounded) == method


def test_a_steep_loss_has_a_strong_prior() -> None:
    """The prior grows with the curvature of the loss, so that it means as many rows."""
    method = usual_method(l1=False, l2=False, coefficients=10, unbounded=True, steepness=8.0)
    assert method == Method("newton", 8 * PRIOR)


@pytest.mark.parametrize(
    ("learner", "training", "epochs", "batch_size"),
    [
        ({}, {}, 100, "full"),
        ({}, {"epochs": 7}, 7, "full"),
        ({}, {"batch_size": "full"}, 100, "full"),
        ({"l1": 0.1}, {}, 500, "full"),
        ({"solver": "newton"}, {}, 20, "full"),
        ({"optimizer": {"learning_rate": 0.1}}, {}, None, None),
        ({"clip_norm": 1.0}, {}, None, None),
        ({}, {"batch_size": 64}, None, 64),
        ({}, {"micro_batch_size": 16}, None, None),
        ({}, {"gradients": "bfloat16"}, None, None),
    ],
)
def test_batches_or_an_optimizer_mean_gradient_descent(
    learner: dict[str, Any], training: dict[str, Any], epochs: int | None, batch_size: Any
) -> None:
    """A job that names an optimizer, or what only batches have, is trained by gradient descent; others by a solver."""
    job = load_job({"name": "job", "data": DATA, "learner": {"kind": "logistic", **learner}, "training": training})
    assert (job.training.epochs, job.training.batch_size) == (epochs, batch_size)
    assert job.learner.uses_gradient_descent == (batch_size != "full")


def test_a_candidate_may_train_in_another_way() -> None:
    """A search over rates makes gradient descent of a job with a solver, with the batches and epochs of such."""
    job = load_job({"name": "job", "data": DATA, "learner": {"kind": "logistic"}})
    candidate = with_values(job, {"learner.optimizer.learning_rate": 0.1})
    assert (candidate.training.epochs, candidate.training.batch_size) == (None, None)
    assert candidate.learner.uses_gradient_descent
