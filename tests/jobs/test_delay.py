"""Sums of earlier states and in fewer bytes: what they do to a training.  Their bits are in `test_same_bits`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from sklearn import datasets
from sklearn.linear_model import LinearRegression

import yarnml

pytestmark = pytest.mark.long

Arrays = dict[str, np.ndarray]
Train = Callable[..., Arrays]

ROWS = 432
SCALED = datasets.load_diabetes(return_X_y=True, scaled=False)
X = ((SCALED[0] - SCALED[0].mean(0)) / SCALED[0].std(0)).astype(np.float32)[:ROWS]
Y = ((SCALED[1] - SCALED[1].mean()) / SCALED[1].std()).astype(np.float32)[:ROWS]


@pytest.fixture
def train(write_table: Callable[..., Path]) -> Train:
    """Trains a linear model on the diabetes data, with a rate of sgd and fields of ``training``; its parameters.

    A ``name`` that comes again goes on with the training.
    """
    path = write_table("train.parquet", x=list(X), y=Y)

    def fit(rate: Any, name: str = "", **training: Any) -> Arrays:
        folder = path.parent / (name or str(len(list(path.parent.iterdir()))))
        job = {
            "name": "delay",
            "data": {"train": str(path), "features": ["x"], "label": "y"},
            "learner": {"kind": "linear", "optimizer": {"kind": "sgd", "learning_rate": rate}},
            "training": {"shards": 3, **training},
            "checkpoint": {"path": str(folder / "job"), "every": "100 epochs"},
            "export": str(folder / "models"),
        }
        outcome = yarnml.run(job, backend="inline")
        return safetensors.numpy.load_file(f"{outcome.export}/model.safetensors")

    return fit


def test_steps_of_one_state(train: Train) -> None:
    """Two equal steps that both see the first state are one step of all their rows at twice the rate."""
    delayed = train(0.05, epochs=3, batch_size=ROWS // 2, delay=1)
    together = train(0.1, epochs=3, batch_size=ROWS)
    plain = train(0.05, epochs=3, batch_size=ROWS // 2)
    for name in delayed:
        np.testing.assert_allclose(delayed[name], together[name], rtol=1e-4, atol=1e-6)
    assert not np.allclose(plain["parameters/weight"], delayed["parameters/weight"], rtol=1e-3)


@pytest.mark.parametrize(
    "fields",
    [
        {"delay": 3},
        pytest.param({"gradients": "int8"}, marks=pytest.mark.breadth),
        pytest.param({"gradients": "int4"}, marks=pytest.mark.breadth),
        {"gradients": "top_k", "top_k": {"share": 0.1}, "delay": 1},
        pytest.param({"gradients": "top_k", "top_k": {"share": 0.2}, "local_steps": 2}, marks=pytest.mark.breadth),
    ],
    ids=str,
)
def test_reaches_the_optimum(train: Train, fields: dict[str, Any]) -> None:
    """With a rate that falls, the steps come to a mean square that is within 1 % of the least one."""
    rate = {"kind": "cosine_decay_schedule", "init_value": 0.05, "decay_steps": 1600}
    arrays = train(rate, epochs=100, batch_size=27, **fields)
    best = LinearRegression().fit(X, Y)
    reached = np.mean(np.square(X @ arrays["parameters/weight"].ravel() + arrays["parameters/bias"].item() - Y))
    assert reached < 1.01 * np.mean(np.square(best.predict(X) - Y))


def test_residuals_are_in_the_checkpoint(train: Train) -> None:
    """A training that goes on from a checkpoint has the bits of one that did not stop: no residual is lost."""
    fields = {"batch_size": 27, "gradients": "top_k", "top_k": {"share": 0.1}}
    stopped = train(0.05, "job", epochs=2, **fields)
    continued = train(0.05, "job", epochs=4, **fields)
    whole = train(0.05, epochs=4, **fields)
    assert continued["parameters/weight"].tobytes() == whole["parameters/weight"].tobytes()
    assert stopped["parameters/weight"].tobytes() != whole["parameters/weight"].tobytes()
