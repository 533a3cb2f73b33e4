"""Normalisation: that of the textbook within a shard, exact moments over all of them, and cells as in the paper."""

from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
import pytest

from yarnml.data.schema import Feature, Schema
from yarnml.errors import JobFileError
from yarnml.job.batches import check_batch_rows
from yarnml.job.learners import Cnn, Mlp
from yarnml.job.load import load_job
from yarnml.job.spec import Job
from yarnml.learners.base import Batch
from yarnml.learners.networks.normalization import MOMENTUM
from yarnml.learners.registry import build_learner

pytestmark = pytest.mark.long

SCHEMA = Schema((Feature("x", 6),), "y", "class", (0, 1, 2))


def batch_of(rows: int, seed: int = 0) -> Batch:
    random = np.random.default_rng(seed)
    x = random.normal(3, 2, (rows, 6)).astype(np.float32)
    y = random.integers(3, size=rows).astype(np.int32)
    return Batch(x, y, np.ones(rows, np.float32))


@pytest.fixture(scope="module")
def learner() -> Any:
    """A perceptron with one hidden layer, its functions compiled."""
    return compiled(build_learner(Mlp(hidden=[5], normalization="batch"), SCHEMA))


def compiled(learner: Any) -> Any:
    names = ("init", "map", "update", "parameters", "predict")
    return SimpleNamespace(**{name: jax.jit(getattr(learner, name)) for name in names})


def textbook(parameters: Any, batch: Batch) -> jax.Array:
    """The mean loss of the perceptron, normalised over the whole batch (Ioffe & Szegedy, 2015)."""
    hidden, last = parameters
    a = batch.x @ hidden["weight"]
    normal = (a - jnp.mean(a, axis=0)) / jnp.sqrt(jnp.var(a, axis=0) + 1e-5)
    logits = jax.nn.relu(normal * (1 + hidden["gain"]) + hidden["bias"]) @ last["weight"] + last["bias"]
    return -jnp.mean(jax.nn.log_softmax(logits)[jnp.arange(len(batch.y)), batch.y])


def test_a_single_shard_is_normalised_as_in_the_textbook(learner: Any) -> None:
    """Loss and gradient of a batch are those of batch normalisation, by JAX from its formula."""
    state = learner.init(jax.random.key(0))
    batch = batch_of(40)
    sums = learner.map(state, batch)
    loss, gradient = jax.jit(jax.value_and_grad(textbook))(state.parameters, batch)
    np.testing.assert_allclose(sums.loss / 40, loss, rtol=1e-5)
    for actual, right in zip(jax.tree.leaves(sums.gradient), jax.tree.leaves(gradient), strict=True):
        np.testing.assert_allclose(actual / 40, right, rtol=1e-3, atol=1e-6)


def moments_of(a: npt.NDArray[Any], weight: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """[mean and variance, width] of weighted rows."""
    mean = np.average(a, axis=0, weights=weight)
    return np.array([mean, np.average((a - mean) ** 2, axis=0, weights=weight)])


@pytest.mark.parametrize("shards", [1, 4])
def test_moments_are_of_all_rows_of_a_step(learner: Any, shards: int) -> None:
    """Whatever the cut into shards, what is kept of the first step are the weighted mean and variance of all rows."""
    state = learner.init(jax.random.key(0))
    batch = batch_of(40)
    batch = batch._replace(weight=np.random.default_rng(1).uniform(0, 2, 40).astype(np.float32))
    parts = [Batch(*rows) for rows in zip(*(np.split(a, shards) for a in batch), strict=True)]
    sums = jax.tree.map(lambda *s: sum(map(np.asarray, s)), *(learner.map(state, part) for part in parts))
    actual = learner.parameters(learner.update(state, sums)[0]).moments[0]
    expected = moments_of(batch.x @ np.asarray(state.parameters[0]["weight"]), batch.weight)
    np.testing.assert_allclose(np.array(actual), expected, rtol=1e-4, atol=1e-5)


def test_moments_of_an_image_are_over_its_places_too() -> None:
    """A channel's mean and variance are over all rows and all places of a convolution, before its gain and bias."""
    columns = Schema((Feature("x", 16),), "y", "number", (), None, (4, 4, 1))
    learner = compiled(build_learner(Cnn(channels=[3], hidden=[2], normalization="batch"), columns))
    state = learner.init(jax.random.key(0))
    x = np.random.default_rng(0).normal(size=(8, 4, 4, 1)).astype(np.float32)
    batch = Batch(x, np.zeros(8, np.float32), np.ones(8, np.float32))
    actual = learner.parameters(learner.update(state, learner.map(state, batch))[0]).moments
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    kernel = np.asarray(state.parameters["blocks"][0]["weight"])
    patches = [padded[:, i : i + 4, j : j + 4] @ kernel[i, j] for i in range(3) for j in range(3)]
    expected = moments_of(np.sum(patches, axis=0).reshape(-1, 3), np.ones(8 * 16))
    np.testing.assert_allclose(np.array(actual[0]), expected, rtol=1e-4, atol=1e-5)
    assert [m.mean.shape for m in actual] == [(3,), (2,)]


def test_moments_fade(learner: Any) -> None:
    """They are averages of ten steps after the first, and then lose a tenth a step; one without weight changes none."""
    state = learner.init(jax.random.key(0))
    weight = np.asarray(state.parameters[0]["weight"])
    expected = np.zeros((2, 5))
    for step in range(1, 15):
        batch = batch_of(40, seed=step)
        at = moments_of(batch.x @ weight, batch.weight)
        expected += max(1 - MOMENTUM, 1 / max(step - 1, 1)) * (at - expected)
        for part in (batch, batch._replace(weight=np.zeros(40, np.float32))):
            state = learner.update(state, learner.map(state, part))[0]._replace(parameters=state.parameters)
    np.testing.assert_allclose(np.array(learner.parameters(state).moments[0]), expected, rtol=1e-4, atol=1e-4)


def test_moments_of_rows_far_from_zero(learner: Any) -> None:
    """Two steps of rows whose mean is ten thousand times their deviation tell their variance, to 1 %."""
    state = learner.init(jax.random.key(0))
    weight = np.asarray(state.parameters[0]["weight"])
    batch = batch_of(40)
    batch = batch._replace(x=batch.x + np.float32(1e4))
    for _ in range(2):
        state = learner.update(state, learner.map(state, batch))[0]._replace(parameters=state.parameters)
    expected = moments_of(batch.x.astype(np.float64) @ weight, batch.weight)
    np.testing.assert_allclose(np.array(learner.parameters(state).moments[0]), expected, rtol=1e-2)


def test_predictions_are_of_rows_alone(learner: Any) -> None:
    """A trained network's prediction for a row does not depend on the rows beside it."""
    state = learner.init(jax.random.key(0))
    batch = batch_of(40)
    state, _ = learner.update(state, learner.map(state, batch))
    parameters = learner.parameters(state)
    alone = np.concatenate([learner.predict(parameters, batch.x[n : n + 1]) for n in range(5)])
    np.testing.assert_allclose(learner.predict(parameters, batch.x)[:5], alone, rtol=1e-5)


def test_few_rows_are_refused() -> None:
    """A job whose shards have fewer than four rows at a step, for a mean and a variance, is refused."""

    def job(norm: str, size: int) -> Job:
        data = {"train": "x", "features": ["x"], "label": "y"}
        learner = {"kind": "mlp", "normalization": norm}
        return load_job({"name": "a", "data": data, "learner": learner, "training": {"batch_size": size}})

    with pytest.raises(JobFileError, match=r"with 8 shards training\.batch_size must be at least 32, not 31"):
        check_batch_rows(job("batch", 31), 1000, 8)
    check_batch_rows(job("batch", 32), 1000, 8)
    check_batch_rows(job("layer", 8), 1000, 8)
