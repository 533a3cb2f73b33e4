"""Local steps: a shard's are those of gradient descent, and their average goes on like a single learner."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.numpy
from sklearn import datasets
from sklearn.linear_model import LinearRegression

import yarnml
from yarnml.errors import JobFileError
from yarnml.job.spec import Training
from yarnml.learners.accumulation import deal_rows
from yarnml.learners.base import Batch
from yarnml.learners.gradient import GradientDescent, weight_decay
from yarnml.learners.local_steps import LocalSteps
from yarnml.learners.named_arrays import tensors
from yarnml.learners.optimizers import build_optimizer
from yarnml.learners.warm_start import WITH_OPTIMIZER, Earlier
from yarnml.worker.compiled_learners import learner_of_training

pytestmark = pytest.mark.long

STEPS = 3
SCHEDULE = {"kind": "exponential_decay", "init_value": 0.1, "transition_steps": 1, "decay_rate": 0.5}
AVERAGE = build_optimizer({"kind": "sgd", "learning_rate": 1.0})


class Line:
    """A linear model of one weight vector."""

    def init(self, key: jax.Array) -> Any:
        return {"weights": jax.random.normal(key, (4,)), "bias": jnp.zeros(())}

    def loss(self, parameters: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        return jnp.square(self.predict(parameters, x) - y)

    def predict(self, parameters: Any, x: jax.Array) -> jax.Array:
        return x @ parameters["weights"] + parameters["bias"]


def descent() -> GradientDescent:
    return GradientDescent(Line(), build_optimizer({"kind": "adam", "learning_rate": SCHEDULE}), weight_decay(0.1))


def rows(count: int, seed: int = 0) -> Batch:
    random = np.random.default_rng(seed)
    x = jnp.asarray(random.normal(size=(count, 4)), jnp.float32)
    return Batch(x, x @ jnp.arange(4.0), jnp.asarray(random.uniform(0.5, 2, count), jnp.float32))


def assert_close(a: Any, b: Any) -> None:
    for left, right in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_allclose(left, right, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("micro_batch_size", [None, 3])
def test_steps_of_one_shard(micro_batch_size: int | None) -> None:
    """One shard's local steps are steps of gradient descent on the rows dealt out, and so are those after them.

    The moments of adam and the count of its schedule go on: a reset would change the second round.
    """
    plain = descent()
    local = LocalSteps(plain, STEPS, AVERAGE, micro_batch_size)
    expected = plain.init(jax.random.key(1))
    state = local.init(jax.random.key(1))
    for seed in range(2):
        batch = rows(12, seed)
        sums = local.map(state, batch)
        state, scores = local.update(state, sums)
        loss = 0.0
        for part in (jax.tree.map(lambda a, n=n: a[n], deal_rows(batch, STEPS)) for n in range(STEPS)):
            expected, step = plain.update(expected, plain.map(expected, part))
            loss += float(step.loss)
        assert_close(state._replace(outer=None), expected)
        assert scores.loss == pytest.approx(loss, rel=1e-5)
        assert scores.weight == pytest.approx(float(batch.weight.sum()))


def test_average_of_shards() -> None:
    """Parameters and moments of two shards are averaged by the weight of their rows."""
    local = LocalSteps(descent(), STEPS, AVERAGE)
    start = local.init(jax.random.key(1))
    parts = [rows(12, 1), rows(6, 2)]
    sums = [local.map(start, part) for part in parts]
    together, _ = local.update(start, jax.tree.map(jnp.add, *sums))
    alone = [local.update(start, part)[0] for part in sums]
    share = float(parts[0].weight.sum() / (parts[0].weight.sum() + parts[1].weight.sum()))
    average = jax.tree.map(lambda a, b: share * a + (1 - share) * b, alone[0].parameters, alone[1].parameters)
    assert_close(together.parameters, average)
    assert not np.allclose(alone[0].parameters["weights"], alone[1].parameters["weights"])
    count = [leaf for leaf in jax.tree.leaves(together.optimizer) if leaf.dtype == jnp.int32]
    assert {int(n) for n in count} == {STEPS}


def test_steps_without_rows() -> None:
    """Local steps without rows change nothing, and a shard without rows leaves the others' average alone."""
    plain = GradientDescent(Line(), build_optimizer({"kind": "adam", "learning_rate": 0.1}))
    local = LocalSteps(plain, STEPS, AVERAGE)
    start = local.init(jax.random.key(1))
    one = rows(1)
    after, _ = local.update(start, local.map(start, one))
    expected, _ = plain.update(start._replace(outer=None), plain.map(start, one))
    assert_close(after.parameters, expected.parameters)
    empty = one._replace(weight=jnp.zeros(1))
    same, _ = local.update(start, local.map(start, empty))
    assert_close(same.parameters, start.parameters)
    both, _ = local.update(start, jax.tree.map(jnp.add, local.map(start, one), local.map(start, empty)))
    assert_close(both.parameters, after.parameters)


def test_begins_with_a_checkpoint_without_local_steps() -> None:
    """Parameters and moments of gradient descent, with its own checkpoints' names, are a start for local steps."""
    plain = descent()
    state, _ = plain.update(plain.init(jax.random.key(1)), plain.map(plain.init(jax.random.key(1)), rows(12)))
    local = LocalSteps(plain, STEPS, AVERAGE)
    started = local.started(local.init(jax.random.key(2)), Earlier(tensors(state), is_model=False))
    assert started.content == WITH_OPTIMIZER
    assert_close(started.state._replace(outer=None), state)


def test_reaches_the_optimum(write_table: Callable[..., Path]) -> None:
    """With a rate that falls, the average of shards with other rows each comes to the least squares of all rows."""
    x, y = datasets.load_diabetes(return_X_y=True)
    x = (x / x.std(axis=0)).astype(np.float32)
    y = ((y - y.mean()) / y.std()).astype(np.float32)
    order = np.argsort(y)  # shards differ as much as they can
    path = write_table("train.parquet", x=list(x[order]), y=y[order], row_group_size=70)
    rate = {"kind": "cosine_decay_schedule", "init_value": 0.05, "decay_steps": 2800}
    job = {
        "name": "optimum",
        "data": {"train": str(path), "features": ["x"], "label": "y"},
        "learner": {"kind": "linear", "optimizer": {"kind": "sgd", "learning_rate": rate}},
        "training": {"epochs": 100, "batch_size": 21, "shards": 3, "local_steps": 7},
        "checkpoint": {"path": str(path.parent / "job"), "every": "100 epochs"},
        "export": str(path.parent / "models"),
    }
    outcome = yarnml.run(job, backend="inline")
    best = LinearRegression().fit(x, y)
    arrays = safetensors.numpy.load_file(f"{outcome.export}/model.safetensors")
    reached = np.mean(np.square(x @ arrays["parameters/weight"].ravel() + arrays["parameters/bias"].item() - y))
    assert reached < 1.01 * np.mean(np.square(best.predict(x) - y))


def test_outer_is_checked() -> None:
    """An outer optimizer that optax does not have is refused by its own field."""
    training = Training(local_steps=2, outer={"kind": "sdg"})
    with pytest.raises(JobFileError, match=r"training\.outer\.kind must be the name of an optax function, not 'sdg'"):
        learner_of_training(descent(), training)
