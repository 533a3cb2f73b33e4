"""Models as ONNX: onnxruntime predicts real rows as the model does."""

from typing import Any

import jax
import msgspec
import numpy as np
import onnxruntime
import pytest
from msgspec.structs import replace
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine

import yarnml
from tests.learners.kinds import KINDS
from tests.model.models import check_onnx
from tests.tiers import cases
from yarnml.data.schema import Feature
from yarnml.errors import ExportError
from yarnml.job.learners import Mlp
from yarnml.job.prepare import Embedding, HashedTokens
from yarnml.learners.named_arrays import from_tensors, tensors
from yarnml.learners.registry import build_learner
from yarnml.model.model import Model
from yarnml.model.onnx.export import to_onnx
from yarnml.model.versions import Content
from yarnml.worker.quantisation import quantised

pytestmark = pytest.mark.long

CANCER = load_breast_cancer(as_frame=True).frame
WINE = load_wine(as_frame=True).frame
DIABETES = load_diabetes(as_frame=True).frame

CASES = [
    (WINE, {"kind": "ordinal"}),
    (DIABETES, {"kind": "poisson"}),
]


@pytest.mark.parametrize(("frame", "learner"), CASES, ids=[learner["kind"] for _, learner in CASES])
def test_onnxruntime_predicts_the_same(frame: Any, learner: dict[str, Any]) -> None:
    """Outputs agree to 1e-5 of the largest, predictions are the same."""
    model = yarnml.fit(frame, label="target", learner=learner)
    check_onnx(model, frame.drop(columns="target").astype(np.float64))


def test_trees_take_missing_values(boosting: Model) -> None:
    """A row goes to the side of missing values in onnxruntime, too, in columns that had none in training as well."""
    rows = CANCER.drop(columns="target")
    rows.iloc[::5, :3] = np.nan
    check_onnx(boosting, rows)


MIXED = (
    Feature("n", 4),
    Feature("t", 6, (HashedTokens(columns=["t"], length=6, vocabulary=10),)),
    Feature("c", 1, (Embedding(columns=["c"], values=["a", "b", "c"]),)),
    Feature("m", 2),
)
CASES_OF_NETWORKS = KINDS | {"mixed": (Mlp(hidden=[4]), replace(KINDS["mlp-number"][1], features=MIXED))}
NETWORKS = ["mixed", "mlp", "mlp-labels", "mlp-number", "mlp-batch", "cnn", "cnn-batch", "cnn-number", "bag"]


@pytest.mark.parametrize("name", cases(NETWORKS, ["mixed", "mlp-batch", "cnn", "mlp-number", "bag"]))
def test_networks(name: str) -> None:
    """A network of any weights and moments predicts as its learner does, on images; of int8 as with its weights."""
    options, schema = CASES_OF_NETWORKS[name]
    learner: Any = build_learner(options, schema)
    random = np.random.default_rng(0)
    like = learner.parameters(learner.init(jax.random.key(0)))
    arrays = {n: random.uniform(0.1, 1.0, a.shape).astype(np.float32) for n, a in tensors(like).items()}
    arrays = {n: a - 0.5 if n.endswith("weight") else a for n, a in arrays.items()}
    mean, factor = (random.uniform(0.5, 1.5, schema.width).astype(np.float32) for _ in range(2))
    images = load_digits().data.astype(np.float32)
    x = images[:40, 10 : 10 + schema.width] / 8
    if any(feature.ids for feature in schema.features):
        mean = np.zeros_like(mean)
        factor = np.ones_like(factor)
        x = np.floor(images[:40, 10 : 10 + schema.width] - 2)
    stored = {f"parameters/{n}": a for n, a in arrays.items()} | {"scaling/mean": mean, "scaling/factor": factor}
    about = {"learner": msgspec.to_builtins(options), "offsets": [], "name": name}
    scaled = ((x - mean) * factor).reshape(-1, *(schema.shape or x.shape[1:]))
    for kind in (None, "int8", "bfloat16"):
        weights = quantised(stored, kind) if kind else stored
        used = {n: _whole(weights, f"parameters/{n}") for n in arrays}
        expected = np.asarray(learner.predict(from_tensors(like, used), scaled))
        session = onnxruntime.InferenceSession(to_onnx(Content(weights, b"", schema, about, {})))
        (outputs,) = session.run(["outputs"], {"x": x})
        np.testing.assert_allclose(outputs, expected, atol=1e-5 * np.abs(expected).max())


def _whole(arrays: dict[str, Any], name: str) -> Any:
    """An array as numbers to compute with."""
    array = arrays[name]
    if array.dtype == np.uint16:
        return (array.astype(np.uint32) << 16).view(np.float32)
    return array.astype(np.float32) * arrays.get(f"quantised/{name}", np.float32(1))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("child", lambda array: np.zeros_like(array)),
        ("child", lambda array: array + 10_000),
        ("leaf", lambda array: array[..., :0]),
        ("base", lambda array: np.array("a")),
        ("threshold", lambda array: None),
    ],
)
def test_arrays_of_strangers(boosting: Model, name: str, change: Any) -> None:
    """Trees that run in circles, or whose arrays are gone or of another form, are refused in one sentence."""
    arrays = {n: np.asarray(a) for n, a in boosting.content.arrays.items()}
    changed = change(arrays.pop(f"parameters/{name}"))
    arrays |= {} if changed is None else {f"parameters/{name}": changed}
    with pytest.raises(ExportError, match=r"arrays are not those of learner\.kind boosting: [^\n]+"):
        to_onnx(boosting.content._replace(arrays=arrays))


def test_what_has_no_form_is_refused() -> None:
    """A learner without a form is named, with those that have one."""
    options, schema = KINDS["recurrent"]
    content = Content({}, b"", schema, {"learner": msgspec.to_builtins(options), "offsets": [], "name": "r"}, {})
    with pytest.raises(ExportError, match=r"recurrent has no form in ONNX here: .* mlp, cnn, embedding_bag have one"):
        to_onnx(content)
