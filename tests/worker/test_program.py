"""A compiled learner is shared by trainings that differ in their state and in their scaling."""

from typing import Any

import jax
import numpy as np
import pytest

from yarnml.data.scaling import Scaling
from yarnml.data.schema import Feature, Rows, Schema
from yarnml.job.learners import Mlp, Tree
from yarnml.learners.registry import build_learner
from yarnml.worker.program import Program

COLUMNS = Schema((Feature("x", 4),), "y", "class", (0, 1, 2))
RANDOM = np.random.default_rng(0)
ROWS = Rows(
    RANDOM.normal(size=(32, 4)).astype(np.float32),
    RANDOM.integers(3, size=32).astype(np.int32),
    np.ones(32, np.float32),
)
SCALINGS = [Scaling(*RANDOM.uniform(0.5, 2, (2, 4)).astype(np.float32)) for _ in range(2)]


@pytest.mark.parametrize("options", [Mlp(hidden=[5]), Tree(depth=2)])
def test_each_call_has_its_own_scaling(options: Any) -> None:
    """Calls with two scalings in turn map and evaluate the rows that a user would have scaled by hand."""
    learner: Any = build_learner(options, COLUMNS)
    program = Program(learner, COLUMNS)
    state = jax.device_get(jax.jit(learner.init)(jax.random.key(0)))
    for scaling in [*SCALINGS, *SCALINGS]:
        by_hand = Rows((ROWS.x - scaling.mean) * scaling.factor, ROWS.y, ROWS.weight)
        np.testing.assert_allclose(
            program.map(state, scaling, ROWS), program.map(state, None, by_hand), rtol=1e-5, atol=1e-5
        )
        for scaled, expected in zip(
            program.evaluate(state, scaling, ROWS), program.evaluate(state, None, by_hand), strict=True
        ):
            np.testing.assert_allclose(scaled, expected, rtol=1e-5, atol=1e-5)
        np.testing.assert_array_equal(program.tensors(state, scaling)["scaling/mean"], scaling.mean)


def test_another_scaling_compiles_nothing() -> None:
    """Scalings are arguments of the compiled functions, not constants in them."""
    learner: Any = build_learner(Mlp(hidden=[5]), COLUMNS)
    program = Program(learner, COLUMNS)
    state = jax.jit(learner.init)(jax.random.key(0))
    first, second = SCALINGS
    program.map(state, first, ROWS)
    program.evaluate(state, first, ROWS)
    compilations: list[str] = []

    def listen(event: str, seconds: float, **facts: Any) -> None:
        compilations.append(event)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        program.map(state, second, ROWS)
        program.evaluate(state, second, ROWS)
        assert not compilations
        program.map(state, None, ROWS)
        assert compilations
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
