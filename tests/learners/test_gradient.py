"""Right answers: what a job trains is what scikit-learn finds, and a step's gradient is that of its whole batch."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.numpy
from sklearn import datasets
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler

import yarnml
from tests.tiers import cases
from yarnml.data.scaling import moments, standard
from yarnml.data.schema import Feature, Rows, Schema
from yarnml.data.shards import part
from yarnml.job.learners import Mlp
from yarnml.learners.base import Batch
from yarnml.learners.registry import build_learner
from yarnml.reduce.tree import Node, combine
from yarnml.worker.program import Program

LBFGS = {"kind": "lbfgs", "learning_rate": 1.0, "linesearch": None, "memory_size": 20}

WriteTable = Callable[..., Path]


def schedule(start: float, steps: int) -> dict[str, Any]:
    return {"kind": "cosine_decay_schedule", "init_value": start, "decay_steps": steps}


ADAM = {"kind": "adam", "learning_rate": schedule(0.1, 600)}


def fit(path: Path, label: str, learner: dict[str, Any], epochs: int, shards: int = 3, **data: Any) -> dict[str, Any]:
    """Train inline in full passes over the column ``x``; returns the exported arrays."""
    job = {
        "name": "right",
        "data": {"train": str(path), "features": ["x"], "label": label, **data},
        "learner": learner,
        "training": {"epochs": epochs, "batch_size": "full", "shards": shards},
        "checkpoint": {"path": str(path.parent / "job"), "every": f"{epochs} epochs"},
        "export": str(path.parent / "models"),
    }
    outcome = yarnml.run(job, backend="inline")
    return dict(safetensors.numpy.load_file(f"{outcome.export}/model.safetensors"))


@pytest.mark.long
@pytest.mark.parametrize(
    ("l2", "optimizer"),
    [
        pytest.param(0.0, LBFGS, id="ols"),
        pytest.param(0.5, LBFGS, id="ridge", marks=pytest.mark.breadth),
        pytest.param(0.5, ADAM, id="adam", marks=pytest.mark.breadth),
    ],
)
def test_linear_regression_is_least_squares(write_table: WriteTable, l2: float, optimizer: dict[str, Any]) -> None:
    """On the diabetes data, coefficients agree with scikit-learn's to 0.1 % of the largest, the intercept too."""
    x, y = datasets.load_diabetes(return_X_y=True, scaled=False)
    y = (y - y.mean()) / y.std()
    path = write_table("train.parquet", x=list(x), y=y, row_group_size=70)
    learner = {"kind": "linear", "l2": l2, "optimizer": optimizer}
    arrays = fit(path, "y", learner, 40 if optimizer is LBFGS else 600, scale="standard")

    scaled = StandardScaler().fit_transform(x)
    right = (Ridge(alpha=l2 * len(x)) if l2 else LinearRegression()).fit(scaled, y)
    largest = np.abs(right.coef_).max()
    np.testing.assert_allclose(arrays["parameters/weight"], right.coef_, atol=1e-3 * largest)
    np.testing.assert_allclose(arrays["parameters/bias"], right.intercept_, atol=1e-5)


@pytest.mark.long
@pytest.mark.breadth
def test_logistic_regression_agrees(write_table: WriteTable) -> None:
    """On the breast cancer data, every coefficient agrees with scikit-learn's at C = 1 / (l2 · rows) to 1e-3."""
    x, y = datasets.load_breast_cancer(return_X_y=True)
    labels = np.array(["malignant", "benign"])[y]
    path = write_table("train.parquet", x=list(x), y=labels, row_group_size=70)
    classes = ["malignant", "benign"]
    learner = {"kind": "logistic", "l2": 0.01, "optimizer": ADAM}
    arrays = fit(path, "y", learner, 600, scale="standard", classes=classes)

    scaled = StandardScaler().fit_transform(x)
    right = LogisticRegression(C=1 / (0.01 * len(x)), tol=1e-8, max_iter=1000).fit(scaled, y)
    np.testing.assert_allclose(arrays["parameters/weight"], right.coef_[0], atol=1e-3)
    np.testing.assert_allclose(arrays["parameters/bias"], right.intercept_[0], atol=1e-3)


@pytest.mark.breadth
@pytest.mark.long
def test_softmax_regression_agrees(write_table: WriteTable) -> None:
    """On the wines, every coefficient agrees with scikit-learn's multinomial solution to 1e-3, weighted rows too."""
    x, y = datasets.load_wine(return_X_y=True)
    weight = np.random.default_rng(0).integers(0, 4, len(x)).astype(float)
    path = write_table("train.parquet", x=list(x), y=y, w=weight, row_group_size=50)
    learner = {"kind": "softmax", "l2": 0.02, "optimizer": ADAM}
    arrays = fit(path, "y", learner, 600, scale="standard", weight="w")

    scaled = StandardScaler().fit(x, sample_weight=weight).transform(x)
    right = LogisticRegression(C=1 / (0.02 * weight.sum()), tol=1e-8, max_iter=1000).fit(scaled, y, weight)
    np.testing.assert_allclose(arrays["parameters/weight"], right.coef_.T, atol=1e-3)
    bias = arrays["parameters/bias"]
    np.testing.assert_allclose(bias - bias.mean(), right.intercept_ - right.intercept_.mean(), atol=1e-3)


SCHEMA = Schema((Feature("x", 6),), "y", "class", (0, 1, 2))


def rows_of(n: int, weight: Sequence[float] | None = None) -> Rows:
    random = np.random.default_rng(n)
    w = np.ones(n, np.float32) if weight is None else np.asarray(weight, np.float32)
    return Rows(random.normal(size=(n, 6)).astype(np.float32), random.integers(3, size=n).astype(np.int32), w)


@pytest.mark.long
@pytest.mark.parametrize("shards", cases([1, 2, 3, 5, 8], [5]))
def test_the_gradient_of_a_step_is_that_of_the_whole_batch(shards: int) -> None:
    """Mapped by shard, added along the tree and divided by the weight, it is jax.grad of the batch's mean loss."""
    rows = rows_of(41, np.random.default_rng(1).uniform(0, 2, 41))
    learner = build_learner(Mlp(hidden=[7]), SCHEMA)
    scaling = standard(moments(rows), SCHEMA)
    program = Program(learner, SCHEMA)
    state = learner.init(jax.random.key(0))
    cuts = [part(41, shards, s) for s in range(shards)]
    leaves = {
        s: program.map(state, scaling, Rows(*(a[low:high] for a in rows.arrays))) for s, (low, high) in enumerate(cuts)
    }
    (total,) = combine(leaves, shards).values()
    assert combine(leaves, shards).keys() == {Node((shards - 1).bit_length(), 0)}

    def mean_loss(parameters: Any) -> jax.Array:
        batch = Batch((rows.x - scaling.mean) * scaling.factor, rows.y, jnp.asarray(rows.weight))
        return jnp.sum(learner.loss(parameters, batch) * batch.weight) / jnp.sum(batch.weight)

    value, gradient = jax.value_and_grad(mean_loss)(learner.parameters(state))
    expected = np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(gradient)])
    *sums, loss, weight = total
    np.testing.assert_allclose(np.array(sums) / weight, expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(loss / weight, value, rtol=1e-5)
    np.testing.assert_allclose(weight, rows.weight.sum(), rtol=1e-6)


def test_weights_count_rows(write_table: WriteTable) -> None:
    """A job on weighted rows trains what a job on the repeated rows trains; rows of weight 0 are not there."""
    rows = rows_of(60)
    counts = np.arange(60) % 3
    table = {"x": list(rows.x.astype(float)), "y": rows.y}
    weighted = write_table("weighted/train.parquet", **table, w=counts.astype(float))
    repeated = write_table(
        "repeated/train.parquet", x=list(np.repeat(rows.x, counts, axis=0).astype(float)), y=np.repeat(rows.y, counts)
    )
    learner = {"kind": "softmax", "optimizer": {"kind": "sgd", "learning_rate": 0.5}}
    one = fit(weighted, "y", learner, 10, shards=2, scale="standard", weight="w")
    other = fit(repeated, "y", learner, 10, shards=2, scale="standard")
    for name in one:
        np.testing.assert_allclose(one[name], other[name], rtol=1e-4, atol=1e-5)


def test_every_row_counts_once_per_epoch(write_table: WriteTable) -> None:
    """With a constant rate and a loss linear in the parameters, an epoch of short last batches sums every row once."""
    source = """
import jax.numpy as jnp
def init(key, schema): return {"v": jnp.zeros(schema.width)}
def loss(p, x, y): return -(x @ p["v"])
def predict(p, x): return x @ p["v"]
"""
    n = 50
    batch = 8
    path = write_table("train.parquet", x=list(np.eye(n)), y=np.zeros(n), row_group_size=7)
    (path.parent / "plain_sum.py").write_text(source)
    job = {
        "name": "once",
        "data": {"train": str(path), "features": ["x"], "label": "y"},
        "learner": {
            "path": str(path.parent / "plain_sum.py"),
            "optimizer": {"kind": "sgd", "learning_rate": 1.0},
        },
        "training": {"epochs": 1, "batch_size": batch, "shards": 3},
        "checkpoint": {"path": str(path.parent / "job")},
        "export": str(path.parent / "models"),
    }
    outcome = yarnml.run(job, backend="inline")
    v = safetensors.numpy.load_file(f"{outcome.export}/model.safetensors")["parameters/v"]
    rows_in_step = np.round(1 / v)  # each row moved its own parameter by 1 / (rows of its step), once
    np.testing.assert_allclose(v * rows_in_step, 1.0, rtol=1e-5)
    assert rows_in_step.max() <= batch
    np.testing.assert_allclose(v.sum(), outcome.step, rtol=1e-5)


@pytest.mark.long
def test_l2_leaves_biases_alone(write_table: WriteTable) -> None:
    """With a penalty that drowns the data the weights vanish, and the bias is still the mean of the label."""
    random = np.random.default_rng(0)
    y = 5 + random.normal(size=40)
    path = write_table("train.parquet", x=list(random.normal(size=(40, 3))), y=y)
    optimizer = {"kind": "adam", "learning_rate": schedule(0.3, 300)}
    arrays = fit(path, "y", {"kind": "linear", "l2": 1e4, "optimizer": optimizer}, 300)
    np.testing.assert_allclose(arrays["parameters/weight"], 0.0, atol=1e-3)
    mean = arrays["parameters/bias"] / arrays["scaling/label/factor"] + arrays["scaling/label/mean"]
    np.testing.assert_allclose(mean, y.mean(), atol=1e-3)
