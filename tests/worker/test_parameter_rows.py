"""Parts of a state in rows, each updated by itself: the bits of the state in one piece."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from yarnml.job.learners.element_wise import ELEMENT_WISE, ElementWise
from yarnml.learners.element_wise import COMPILER_OPTIONS
from yarnml.learners.gradient import GradientDescent, State, Sums, weight_decay
from yarnml.learners.optimizers import build_optimizer
from yarnml.sparse.block import Block
from yarnml.worker.parameter_rows import ParameterRows

L2 = 0.01
IN_EVERY_RUN = ("adam", "sgd")


class Layers:
    """Parameters alone; the test makes up their gradients."""

    def init(self, key: Any) -> Any:
        draw = jax.random.normal
        return [
            {"weight": draw(key, (300, 7)), "bias": jnp.ones(7)},
            {"weight": draw(key, (7, 3)), "bias": draw(key, 3)},
        ]

    def loss(self, parameters: Any, x: Any, y: Any) -> Any:
        raise NotImplementedError

    def predict(self, parameters: Any, x: Any) -> Any:
        raise NotImplementedError


def differing(kind: str) -> list[str]:
    """The arrays that differ after two updates, once in one piece and once in two parts of its rows."""
    spec = {"kind": kind, "learning_rate": 0.01} | ({"momentum": 0.9} if kind == "sgd" else {})
    learner = GradientDescent(Layers(), build_optimizer(spec), weight_decay(L2))
    state = jax.jit(learner.init)(jax.random.key(0))
    options = ElementWise(optimizer=spec, l2=learner.l2)
    layout = ParameterRows(jax.eval_shape(learner.init, jax.random.key(0)), options)
    rows = layout.stored(state)
    update = jax.jit(learner.update, compiler_options=COMPILER_OPTIONS)
    rng = np.random.default_rng(0)
    for weight in (313.7, 299.1):
        gradient = jax.tree.map(lambda p: (100 * rng.standard_normal(p.shape)).astype(np.float32), state.parameters)
        sums = layout.rows_of(jax.tree.leaves(gradient), last=weight)
        state, _ = update(state, Sums(gradient, np.float32(1.5), np.float32(weight)))
        parts = [slice(0, 4), slice(4, None)]
        rows = np.concatenate([layout.block.rule.update(rows[part], sums[part]) for part in parts])
    in_parts = jax.tree_util.tree_leaves_with_path(layout.restored(rows))
    whole = jax.tree.leaves(State(state.parameters, state.optimizer))
    assert len(in_parts) == len(whole)
    return [
        jax.tree_util.keystr(path) for (path, a), b in zip(in_parts, whole, strict=True) if not np.array_equal(a, b)
    ]


@pytest.mark.parametrize(
    "kind", [k if k in IN_EVERY_RUN else pytest.param(k, marks=pytest.mark.breadth) for k in sorted(ELEMENT_WISE)]
)
def test_bits(kind: str) -> None:
    """Every optimizer that may update parts gives them, and what it keeps of them, the bits of the whole."""
    assert differing(kind) == []


@pytest.mark.breadth
@pytest.mark.parametrize("kind", ["lamb", "lars"])
def test_others(kind: str) -> None:
    """An optimizer that looks at whole arrays does not."""
    assert kind not in ELEMENT_WISE
    assert differing(kind)


def test_rows() -> None:
    """Arrays begin with rows of their own; first rows are those of a state that has begun."""
    learner = GradientDescent(Layers(), build_optimizer({"learning_rate": 0.1}), weight_decay(L2))
    layout = ParameterRows(
        jax.eval_shape(learner.init, jax.random.key(0)), ElementWise(optimizer={"learning_rate": 0.1})
    )
    state = learner.init(jax.random.key(0))
    rows = layout.stored(state)
    assert len(layout.keys) == len(rows) == 1 + 9 + 1 + 1
    assert (np.diff(layout.keys.astype(object)) > 0).all()
    assert isinstance(layout.block, Block)
    assert np.array_equal(rows, layout.block.rule.first(rows[:, : layout.block.width]))
    with pytest.raises(ValueError, match="its parameters are rows"):
        layout.restored(rows[:-1])
