"""Every optax optimizer by its name: it either takes steps, or the job file is refused in one sentence."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import yarnml
from tests.tiers import cases
from yarnml.errors import JobFileError
from yarnml.learners.named_arrays import from_tensors, tensors
from yarnml.learners.optimizers import build_optimizer, optimizers, schedules

pytestmark = pytest.mark.long

# What these need is not in a job file, or not in a sum over rows; the words are what the user is told.
REFUSED = {
    "dpsgd": "missing 3 required positional arguments",
    "lbfgs": "it needs 'grad' and 'value_fn'.*set linesearch: null",
    "sophia": "obj_fn",
}

PARAMETERS = {"weight": np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3), "bias": np.ones(3, np.float32)}

COMMON = {"adafactor", "adam", "adamw", "lbfgs", "momo", "noisy_sgd", "sgd"}
"""Optimizers with a state of each form: none, moments, factors, a memory, a key and what the loss was."""

PIECES = {"kind": "piecewise_constant_schedule", "init_value": 1.0}


def spec_of(kind: str) -> dict[str, Any]:
    default = inspect.signature(optimizers()[kind]).parameters["learning_rate"].default
    rate = {} if isinstance(default, float) else {"learning_rate": 0.01}
    return {"kind": kind, **rate, **({"key": 1} if kind == "noisy_sgd" else {})}


@pytest.mark.parametrize("kind", cases(sorted(optimizers()), COMMON | REFUSED.keys()))
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_every_optimizer_takes_steps_or_is_refused(kind: str) -> None:
    """Two updates keep numbers finite, move something, keep the state's form, and survive a checkpoint to the bit."""
    if kind in REFUSED:
        with pytest.raises(JobFileError, match=REFUSED[kind]):
            build_optimizer(spec_of(kind))
        return
    optimizer = build_optimizer(spec_of(kind), clip_norm=10.0)

    @jax.jit
    def step(parameters: Any, state: Any) -> Any:
        gradient = jax.tree.map(lambda p: 2 * p, parameters)
        changes, state = optimizer.update(gradient, state, parameters, value=jnp.float32(1.0))
        return optax.apply_updates(parameters, changes), state

    start = jax.tree.map(jnp.asarray, PARAMETERS)
    state = optimizer.init(start)
    parameters, after = step(start, state)
    restored = from_tensors(state, tensors(after))
    (last, _) = step(parameters, after)
    (again, _) = step(parameters, restored)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(last))
    assert any((a != b).any() for a, b in zip(jax.tree.leaves(start), jax.tree.leaves(last), strict=True))
    for name in PARAMETERS:
        assert np.asarray(last[name]).tobytes() == np.asarray(again[name]).tobytes()


def test_optax_is_complete() -> None:
    """The names are optax's own aliases: the ones a user knows from its documentation are all there."""
    known = {"adam", "adamw", "sgd", "rmsprop", "adagrad", "lamb", "lion", "nadam", "nadamw", "radam", "lbfgs", "muon"}
    assert known <= optimizers().keys()
    assert not any(name.startswith("scale_by") for name in optimizers())


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ({"kind": "constant_schedule", "value": 0.5}, lambda t: 0.5),
        ({"kind": "linear_schedule", "init_value": 1.0, "end_value": 0.0, "transition_steps": 4}, lambda t: 1 - t / 4),
        ({"kind": "exponential_decay", "init_value": 1.0, "transition_steps": 1, "decay_rate": 0.5}, lambda t: 0.5**t),
        (
            {"kind": "cosine_decay_schedule", "init_value": 1.0, "decay_steps": 4},
            lambda t: (1 + np.cos(np.pi * t / 4)) / 2,
        ),
        (
            {**PIECES, "boundaries_and_scales": {"2": 0.1}},
            lambda t: 1.0 if t < 2 else 0.1,
        ),
    ],
)
def test_a_schedule_sets_the_rate_of_every_step(schedule: dict[str, Any], expected: Callable[[int], float]) -> None:
    """sgd with a nested schedule moves by the schedule's value at that step."""
    optimizer = build_optimizer({"kind": "sgd", "learning_rate": schedule})
    parameter = jnp.zeros(1)
    state = optimizer.init(parameter)
    for t in range(4):
        change, state = optimizer.update(jnp.ones(1), state, parameter)
        np.testing.assert_allclose(change, -expected(t), rtol=1e-5)


def test_every_schedule_is_known() -> None:
    """All schedules of optax's own list can be named, but those made of other schedules."""
    listed = {n for n in dir(optax.schedules) if n.endswith(("_schedule", "_decay")) and n[0] != "_"}
    assert schedules().keys() == listed


def test_clipping_bounds_the_gradient_not_the_step() -> None:
    """clip_norm scales a gradient of norm 5 down to its bound, before the optimizer sees it."""
    optimizer = build_optimizer({"kind": "sgd", "learning_rate": 2.0}, clip_norm=1.0)
    gradient = {"a": jnp.array([3.0]), "b": jnp.array([4.0])}
    change, _ = optimizer.update(gradient, optimizer.init(gradient), gradient)
    np.testing.assert_allclose([change["a"][0], change["b"][0]], [-1.2, -1.6], rtol=1e-6)


def test_low_precision_state_survives_a_checkpoint() -> None:
    """A bfloat16 momentum is stored as float32, which every reader knows, and comes back as it was."""
    optimizer = build_optimizer({"kind": "adam", "learning_rate": 0.1, "mu_dtype": "bfloat16"})
    parameters = jax.tree.map(jnp.asarray, PARAMETERS)
    _, state = optimizer.update(parameters, optimizer.init(parameters), parameters)
    arrays = tensors(state)
    restored = from_tensors(state, arrays)
    assert {a.dtype.name for a in arrays.values()} == {"float32", "int32"}
    for old, new in zip(jax.tree.leaves(state), jax.tree.leaves(restored), strict=True):
        assert old.dtype == new.dtype
        assert bool((old == new).all())


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"kind": "adma", "learning_rate": 0.1}, r"optimizer.kind .*not 'adma'; did you mean .*adam"),
        ({"kind": ["adam"]}, "must be the name of an optax function"),
        ({"kind": None, "learning_rate": 0.1}, "not None; optax has .*adam"),
        ({"kind": "chain"}, "must be the name of an optax function"),
        ({"kind": "adam"}, "missing 1 required positional argument: 'learning_rate'"),
        ({"kind": "adam", "learning_rate": 0.1, "momentum": 1}, "no argument 'momentum'; it takes learning_rate, b1"),
        ({"kind": "adam", "learning_rate": "fast"}, "learning_rate must be a number of 0 or more, or a .*not 'fast'"),
        ({"kind": "adam", "learning_rate": [1, 2]}, "learning_rate must be a number of 0 or more, or a schedule"),
        ({"kind": "sgd", "learning_rate": -0.1}, "learning_rate must be a number of 0 or more, .*not -0.1"),
        ({"kind": "adam", "learning_rate": 0.1, "b1": "x"}, "optax.adam can't be used as given"),
        ({"kind": "adam", "learning_rate": {"init_value": 1}}, "learning_rate.kind must be .*cosine_decay_schedule"),
        ({"kind": "adam", "learning_rate": {"kind": "cosine"}}, "learning_rate.kind must be the name"),
        (
            {"kind": "adam", "learning_rate": {"kind": "cosine_decay_schedule", "init_value": 1.0}},
            "optax.cosine_decay_schedule does not take these arguments",
        ),
        (
            {"kind": "adam", "learning_rate": {"kind": "constant_schedule", "value": 1.0, "steps": 3}},
            "optimizer.learning_rate: optax.constant_schedule has no argument 'steps'; it takes value",
        ),
        ({"kind": "schedule_free_adamw"}, "must be the name of an optax function"),
    ],
)
def test_what_optax_does_not_take_is_refused(spec: dict[str, Any], words: str) -> None:
    """A wrong name, argument or value is a mistake in the job file: where, what, and what would be right."""
    with pytest.raises(JobFileError, match=words) as caught:
        build_optimizer(spec)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "spec",
    [
        {"kind": "sgd", "learning_rate": {**PIECES, "boundaries_and_scales": {3: 0.1}}},
        {"kind": "adam", "learning_rate": 0.1, "mu_dtype": "bfloat16"},
        {"kind": "noisy_sgd", "learning_rate": 0.1, "key": 3},
    ],
    ids=["steps-as-keys", "bfloat16", "random-key"],
)
def test_a_job_with_any_optimizer_continues(
    spec: dict[str, Any], tmp_path: Path, write_table: Callable[..., Path]
) -> None:
    """Stopped after one epoch and continued, a job ends with the bytes of one that ran through."""
    random = np.random.default_rng(0)
    train = write_table("train.parquet", x=random.normal(size=64), y=random.normal(size=64))
    models = []
    for name, stops in {"at-once": [2], "in-two": [1, 2]}.items():
        for epochs in stops:
            job = {
                "name": name,
                "data": {"train": str(train), "features": ["x"], "label": "y"},
                "learner": {"kind": "linear", "optimizer": spec},
                "training": {"epochs": epochs, "batch_size": 16},
                "checkpoint": {"path": str(tmp_path / name)},
                "export": str(tmp_path / "models" / name),
            }
            outcome = yarnml.run(job, backend="inline")
        models.append(Path(str(outcome.export), "model.safetensors").read_bytes())
    assert models[0] == models[1]
