"""Objectives of a user's own: their trees are those of a built-in loss that is the same, mistakes are one sentence."""

from pathlib import Path

import numpy as np
import pytest

import yarnml
from tests.learners.kinds import schema
from tests.learners.trees.growing import grown, halves, predicted
from yarnml.errors import JobFileError, ModelError
from yarnml.job.learners import Boosting
from yarnml.learners.registry import build_learner

OWN = """
import jax
import jax.numpy as jnp

def loss(score, y):
    return jax.nn.softplus(jnp.where(y == 1, -score, score))

class Poisson:
    def loss(self, score, y):
        return jnp.exp(score) - y * score

    def predict(self, score):
        return jnp.exp(score)

    def start(self, mean):
        return jnp.log(mean)

class Vector:
    def loss(self, score, y):
        return jnp.stack([score, y])

class Broken:
    def loss(self, score, y):
        return score / undefined

class Steep:
    def loss(self, score, y):
        return jnp.sqrt(score - y)
"""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("own") / "losses.py"
    path.write_text(OWN)
    return path


@pytest.mark.long
def test_a_loss_of_two_classes_is_the_logistic_one(own: Path) -> None:
    """A module's function ``loss`` of two classes has the trees and probabilities of log loss."""
    x, y, other, _ = halves("breast_cancer")
    more = {"trees": 3, "depth": 2}
    columns = schema(30, ("a", "b"))
    ours = predicted(*grown(Boosting(objective="custom", path=str(own), **more), columns, x, y), other)  # type: ignore[arg-type]
    np.testing.assert_allclose(ours, predicted(*grown(Boosting(**more), columns, x, y), other), atol=1e-5)  # type: ignore[arg-type]


@pytest.mark.long
def test_a_loss_with_a_link_is_the_built_in_one(own: Path, tmp_path: Path) -> None:
    """A class with ``predict`` and ``start`` has Poisson's predictions, also as an exported program."""
    x, y, other, _ = halves("diabetes")
    learner = {"kind": "boosting", "trees": 3, "depth": 2, "objective": "custom", "path": f"{own}:Poisson"}
    built_in = {"kind": "boosting", "trees": 3, "depth": 2, "objective": "poisson"}
    table = {"x": x, "y": y.astype(np.float32)}
    ours, right = (yarnml.fit(table, label="y", learner=kind, export=tmp_path) for kind in (learner, built_in))
    np.testing.assert_allclose(ours.predict(other), right.predict(other), rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Vector", r"losses.py:Vector: loss gets numbers of one row and must return one float, but .* shape \[2\]"),
        ("Broken", r"losses.py:Broken raised NameError: name 'undefined' is not defined"),
    ],
)
def test_a_loss_that_does_not_work_is_told_before_any_pass(own: Path, name: str, words: str) -> None:
    """A wrong shape or an exception is one sentence, when the learner is built."""
    with pytest.raises(ModelError, match=words):
        build_learner(Boosting(objective="custom", path=f"{own}:{name}"), schema(2, ()))


def test_labels_and_files_that_an_own_loss_does_not_have(own: Path) -> None:
    """More than two classes, a name or a function that is not there, and derivatives that are NaN are refused."""
    with pytest.raises(JobFileError, match="custom is for a number or two classes; the label has 3"):
        build_learner(Boosting(objective="custom", path=str(own)), schema(2, (1, 2, 3)))
    with pytest.raises(JobFileError, match="has no 'Missing'; it has"):
        build_learner(Boosting(objective="custom", path=f"{own}:Missing"), schema(2, ()))
    with pytest.raises(ModelError, match=r"the derivatives of loss are nan and nan at score .* and label"):
        grown(
            Boosting(objective="custom", path=f"{own}:Steep", depth=1), schema(1, ()), np.eye(4, 1), np.arange(4.0), 6
        )
