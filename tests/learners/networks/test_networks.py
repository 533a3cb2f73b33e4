"""Networks: recurrent cells are those of the papers, and dropout is the same for whoever computes a row."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
import pytest

from yarnml.data.schema import Feature, Schema
from yarnml.job.learners import Mlp, Recurrent
from yarnml.learners.base import Batch
from yarnml.learners.noise import dropout, first_noise
from yarnml.learners.registry import build_learner

pytestmark = pytest.mark.long

Array = npt.NDArray[Any]


def schema(width: int, *shape: int) -> Schema:
    return Schema((Feature("x", width),), "y", "number", (), None, shape or None)


def sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def normal(a: Array) -> Array:
    """Mean 0 and variance 1 over the numbers of a layer (Ba et al., 2016)."""
    return np.asarray((a - a.mean()) / np.sqrt(a.var() + 1e-5))


def by_hand(cell: str, layer: dict[str, Array], x: Array) -> Array:
    """One layer over [steps, features], unit by unit of the paper's formulas; returns the outputs of all steps."""
    units = layer["recurrent"].shape[0]
    b = layer["bias"].reshape(-1, layer["recurrent"].shape[0])
    h = np.zeros(units)
    c = np.zeros(units)
    outputs = []
    for at in x:
        w = at @ layer["input"]
        u = h @ layer["recurrent"]
        if "gain" in layer:
            w, u = (1 + layer["gain"][0]) * normal(w), (1 + layer["gain"][1]) * normal(u)
        w, u = w.reshape(-1, units), u.reshape(-1, units)
        if cell == "rnn":
            h = np.tanh(w[0] + u[0] + b[0])
        elif cell == "lstm":
            enter, forget, new, leave = (w[n] + u[n] + b[n] for n in range(4))
            c = sigmoid(forget + 1) * c + sigmoid(enter) * np.tanh(new)
            h = sigmoid(leave) * np.tanh(c)
        else:
            keep, reset = (sigmoid(w[n] + u[n] + b[n]) for n in range(2))
            h = keep * h + (1 - keep) * np.tanh(w[2] + b[2] + reset * u[2])
        outputs.append(h)
    return np.array(outputs)


@pytest.mark.parametrize(
    ("cell", "norm"),
    [
        *(("lstm", "none"), ("gru", "layer")),
        *(
            pytest.param(*pair, marks=pytest.mark.breadth)
            for pair in (("rnn", "none"), ("rnn", "layer"), ("lstm", "layer"), ("gru", "none"))
        ),
    ],
)
def test_cells_are_those_of_the_papers(cell: Any, norm: Any) -> None:
    """Two layers over five steps, row by row in float64; the last output goes through the dense layers."""
    random = np.random.default_rng(0)
    learner = build_learner(Recurrent(cell=cell, units=[4, 3], hidden=[2], normalization=norm), schema(15, 5, 3))
    first = learner.parameters(learner.init(jax.random.key(0)))
    parameters = jax.tree.map(lambda a: random.normal(size=a.shape).astype(np.float32), first)
    x = random.normal(size=(6, 5, 3)).astype(np.float32)
    expected = []
    for row in x.astype(np.float64):
        for layer in parameters["recurrent"]:
            row = by_hand(cell, {n: a.astype(np.float64) for n, a in layer.items()}, row)
        hidden, last = parameters["dense"]
        a = row[-1] @ hidden["weight"]
        a = normal(a) * (1 + hidden["gain"]) if norm == "layer" else a
        expected.append((np.maximum(a + hidden["bias"], 0) @ last["weight"] + last["bias"])[0])
    np.testing.assert_allclose(learner.predict(parameters, x), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.long
def test_random_numbers_of_a_row() -> None:
    """They hang on the seed, the step and the row's numbers, and not on the batch or the place in it."""
    x = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    first = first_noise(jax.random.key(0))

    def kept(noise: Any, x: Array) -> Array:
        return np.asarray(dropout(jnp.ones((len(x), 40)), noise.keys(x), 0.5)) > 0

    usual = kept(first, x)
    np.testing.assert_array_equal(kept(first, x[::-3]), usual[::-3])
    swapped = x[:, [1, 0, 2]]
    for other in (
        kept(first_noise(jax.random.key(1)), x),
        kept(first.next_step(), x),
        kept(first, swapped),
        usual[::-1],
    ):
        assert 0.4 < np.mean(other == usual) < 0.6


@pytest.mark.long
def test_dropout_keeps_the_mean_and_predict_has_none() -> None:
    """Over many steps the mean of a hidden unit is what predict has; a step's loss is another than evaluation's."""
    x = np.ones((1, 2), np.float32)
    parts = np.stack([dropout(jnp.asarray(x), first_noise(jax.random.key(n)).keys(x), 0.2) for n in range(400)])
    assert set(np.unique(parts)) == {0.0, np.float32(1.25)}
    assert parts.mean() == pytest.approx(1.0, abs=0.05)
    learner: Any = build_learner(Mlp(hidden=[200], dropout=0.5), schema(2))
    state = learner.init(jax.random.key(0))
    batch = Batch(x, np.zeros(1, np.float32), np.ones(1, np.float32))
    evaluated = float(learner.loss(state.parameters, batch)[0])
    losses = []
    update = jax.jit(learner.update)
    for _ in range(3):
        sums = learner.map(state, batch)
        losses.append(float(sums.loss))
        state = update(state, jax.tree.map(jnp.zeros_like, sums))[0]._replace(parameters=state.parameters)
    assert len({evaluated, *losses}) == 4
    assert evaluated == float(learner.loss(state.parameters, batch)[0])
