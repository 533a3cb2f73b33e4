"""bfloat16: hidden layers compute in it, and a model learns and predicts about as well as in float32."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.numpy
from msgspec.structs import replace
from sklearn.datasets import load_digits

from yarnml.data.scaling import moments, standard
from yarnml.data.schema import Feature, Rows, Schema
from yarnml.job.learners import Cnn, Mlp, NetworkOptions, Recurrent
from yarnml.learners.registry import build_learner
from yarnml.worker.program import Program

ADAM = {"kind": "adam", "learning_rate": 1e-2}

NETWORKS = {
    "mlp": (Mlp(hidden=[32], optimizer=ADAM, normalization="batch"), ()),
    "cnn": (Cnn(channels=[4], hidden=[16], optimizer=ADAM, normalization="layer"), (8, 8, 1)),
    "recurrent": (Recurrent(cell="gru", units=[16], optimizer=ADAM), (8, 8)),
}


def digits(*shape: int) -> tuple[Schema, Rows, Rows]:
    """Columns, and rows to learn from and to be tested on."""
    x, y = load_digits(return_X_y=True)
    rows = Rows(x.astype(np.float32), y.astype(np.int32), np.ones(len(x), np.float32))
    columns = Schema((Feature("x", 64),), "y", "class", tuple(range(10)), None, shape or None)
    return columns, Rows(*(a[:1200] for a in rows.arrays)), Rows(*(a[1200:] for a in rows.arrays))


@pytest.mark.long
def test_bfloat16_learns_as_well() -> None:
    """After fifty steps the accuracy on other digits is that of float32, but for three of a hundred."""
    options, shape = NETWORKS["mlp"]
    columns, rows, test_rows = digits(*shape)

    def accuracy(options: NetworkOptions) -> float:
        learner: Any = build_learner(options, columns)
        program = Program(learner, columns)
        scaling = standard(moments(rows), columns)
        state = jax.jit(learner.init)(jax.random.key(0))
        for step in range(50):
            state, _ = program.update(
                state, program.map(state, scaling, Rows(*(a[step % 4 :: 4] for a in rows.arrays)))
            )
        outputs, _ = program.evaluate(state, scaling, test_rows)
        return float(np.mean(outputs.argmax(axis=1) == test_rows.y))

    narrow = accuracy(replace(options, precision="bfloat16"))
    assert narrow > 0.8
    assert narrow == pytest.approx(accuracy(options), abs=0.03)


@pytest.mark.long
@pytest.mark.parametrize("kind", [pytest.param("cnn", marks=pytest.mark.breadth), "recurrent"])
def test_what_is_bfloat16(kind: str) -> None:
    """Hidden layers compute in it, in the exported model too; state, sums, losses and predictions are float32."""
    options, shape = NETWORKS[kind]
    columns, rows, test_rows = digits(*shape)
    learner: Any = build_learner(replace(options, precision="bfloat16"), columns)
    program = Program(learner, columns)
    scaling = standard(moments(rows), columns)
    state = jax.jit(learner.init)(jax.random.key(0))
    outputs, loss = program.evaluate(state, scaling, test_rows)
    predict = jax.export.deserialize(bytearray(program.stablehlo))
    assert "bf16" in predict.mlir_module()
    arrays = safetensors.numpy.load(safetensors.numpy.save(program.tensors(state, scaling)))
    np.testing.assert_allclose(predict.call(arrays, test_rows.x), outputs, atol=0.02)
    kept = [*jax.tree.leaves(state), program.map(state, scaling, rows), outputs, loss]
    assert not any(leaf.dtype == jnp.bfloat16 for leaf in kept)
