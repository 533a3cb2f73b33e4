"""Biases begin at the shares of the classes in the training rows, where these have been counted."""

from pathlib import Path

import jax
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.stats import entropy
from sklearn.metrics import mean_poisson_deviance

import yarnml
from tests.learners.kinds import TEXT, THREE, TWO, several
from tests.preparing import passes, plan
from yarnml.data.first_rows import facts_of
from yarnml.data.schema import Schema
from yarnml.job.learners import (
    EmbeddingBag,
    FactorizationMachine,
    Gamma,
    LearnerOptions,
    Logistic,
    Mlp,
    NegativeBinomial,
    Options,
    Ordinal,
    Poisson,
    Softmax,
)
from yarnml.learners.registry import build_learner

SGD = {"kind": "sgd", "learning_rate": 0.1}
PRIOR = [0.1, 0.3, 0.6]


@pytest.mark.parametrize(
    ("options", "columns", "prior"),
    [
        (Logistic(optimizer=SGD), TWO, PRIOR[:2]),
        (Softmax(optimizer=SGD), THREE, PRIOR),
        (Ordinal(optimizer=SGD), THREE, PRIOR),
        (FactorizationMachine(rank=2), THREE, PRIOR),
        (Mlp(hidden=[4]), several(16, (0, 1)), [[0.9, 0.1], [0.5, 0.5], [0.01, 0.99]]),
        (EmbeddingBag(embedding=4), TEXT, PRIOR),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
def test_the_first_prediction_is_the_prior(options: Options, columns: Schema, prior: list[float]) -> None:
    """A row whose features say nothing gets the share of each class; of several labels that of the second class."""
    learner = build_learner(options, columns)
    shares = np.array(prior, np.float32) / np.sum(prior, axis=-1, keepdims=True, dtype=np.float32)
    state = learner.init(jax.random.key(0), shares)
    outputs = learner.predict(learner.parameters(state), np.zeros((1, columns.width), np.float32))
    np.testing.assert_allclose(outputs[0], shares[:, 1] if columns.label_shape else shares, rtol=1e-5)


@pytest.mark.parametrize("options", [Poisson(optimizer=SGD), Gamma(optimizer=SGD), NegativeBinomial(optimizer=SGD)])
def test_amounts_begin_at_their_mean(options: Options) -> None:
    """A row whose features say nothing gets the mean of each label."""
    learner = build_learner(options, several(16, ()))
    means = np.array([0.01, 1.0, 500.0], np.float32)
    state = learner.init(jax.random.key(0), means)
    outputs = learner.predict(learner.parameters(state), np.zeros((1, 16), np.float32))
    np.testing.assert_allclose(outputs[0], means, rtol=1e-5)


@pytest.mark.parametrize(
    ("learner", "labels", "prior"),
    [
        (Poisson(optimizer=SGD), [0.0, 2.0, 4.0], (2.0,)),
        (Poisson(optimizer=SGD), [0.0, 0.0, 0.0], ()),
        (Poisson(optimizer=SGD), [np.inf, 2.0, 4.0], (3.0,)),
        (Mlp(), [0.0, 2.0, 4.0], ()),
    ],
    ids=["amounts", "nothing but 0", "infinite", "no amounts"],
)
def test_the_first_rows_tell_the_mean(learner: LearnerOptions, labels: list[float], prior: tuple[float, ...]) -> None:
    """The prior of amounts is the mean of the finite labels among the first rows, where it has a logarithm."""
    y = np.array(labels)
    assert facts_of({"y": np.sort(y[np.isfinite(y)])}, learner)["prior"] == prior


def half_deviance(counts: list[int], times: list[int]) -> float:
    """Half of Poisson's deviance of counts, each so many times, from the mean of all."""
    y = np.repeat(counts, times)
    return float(mean_poisson_deviance(y, np.full(len(y), y.mean()))) / 2


@pytest.mark.parametrize(
    ("kind", "labels", "loss"),
    [("softmax", [0, 1, 2], entropy([150, 40, 10])), ("poisson", [1, 2, 7], half_deviance([1, 2, 7], [150, 40, 10]))],
    ids=["classes", "counts"],
)
def test_a_training_begins_at_its_labels(kind: str, labels: list[int], loss: float, tmp_path: Path) -> None:
    """The first loss of a linear model is the entropy of the shares; of counts, half the deviance from their mean."""
    y = np.repeat(labels, [150, 40, 10])
    pq.write_table(pa.table({"x": np.sin(np.arange(200.0)), "y": y}), tmp_path / "rows.parquet")
    job = {
        "name": "rare",
        "data": {"train": str(tmp_path / "rows.parquet"), "features": ["x"], "label": "y"},
        "learner": {"kind": kind, "optimizer": SGD},
        "training": {"batch_size": "full", "epochs": 1},
        "checkpoint": {"path": str(tmp_path / "job")},
    }
    outcome = yarnml.run(job, "inline")
    assert outcome.history["epoch_loss"][0] == pytest.approx(loss, rel=1e-5)


@pytest.mark.parametrize(
    ("fields", "prior"),
    [
        ({}, (3 / 4, 1 / 4)),
        ({"class_weights": {"1": 3}}, (1 / 2, 1 / 2)),
        ({"class_weights": "balanced"}, (1 / 2, 1 / 2)),
        ({"class_weights": {"0": 0}}, (1e-6, 1)),
        ({"weight": "w"}, (2 / 3, 1 / 3)),
        ({"classes": [0, 1]}, ()),
        ({"label_type": "number"}, ()),
    ],
    ids=["counted", "weighted", "balanced", "left out", "weights of rows", "given", "number"],
)
def test_classes_are_counted_in_the_pass_that_finds_them(
    fields: dict[str, object], prior: tuple[float, ...], tmp_path: Path
) -> None:
    """A prior is of the rows by their weights and those of their classes; no pass is made for it alone."""
    columns = {"x": [1.0, 2.0, 3.0, 4.0], "w": [1.0, 1.0, 2.0, 2.0], "y": [0, 0, 0, 1]}
    schema = passes(plan(tmp_path, columns, [], features=["x"], **fields))
    assert schema.prior == pytest.approx(prior, rel=1e-5)
