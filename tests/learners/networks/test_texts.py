"""Learners of texts: what they compute is the papers' formulas, and they learn what words tell on real texts."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import pytest
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression

import yarnml
from tests.preparing import step
from yarnml.data.schema import Feature, Schema
from yarnml.job.learners import EmbeddingBag, Options, Transformer
from yarnml.job.prepare import HashedTokens, Tokens
from yarnml.learners.networks.network import Between
from yarnml.learners.networks.transformer import TransformerLayers
from yarnml.learners.networks.vocabularies import Vocabularies
from yarnml.learners.registry import build_learner

pytestmark = pytest.mark.long

Array = npt.NDArray[Any]


def schema(length: int, *more: Feature) -> Schema:
    """A column of five words, ids 0 to 6, and others behind it; three classes."""
    words = Tokens(columns=["doc"], length=length, values=list("abcde"))
    return Schema((Feature("doc", length, (words,)), *more), "y", "class", ("p", "q", "r"))


NAME = Feature("name", 2, (HashedTokens(columns=["name"], length=2, vocabulary=4),))
X = np.array([[2, 6, 1, 0, 5, 2], [3, 3, 3, 3, 2, 0], [4, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]], np.float32)
"""Four words of a text, two of a name; the last row has none at all."""


def made(options: Options, columns: Schema, seed: int = 0) -> tuple[Any, Any]:
    """A learner's `predict`, compiled, and parameters for it with every number random."""
    learner = build_learner(options, columns)
    forms = learner.parameters(jax.eval_shape(learner.init, jax.random.key(0)))
    random = np.random.default_rng(seed)
    return jax.jit(learner.predict), jax.tree.map(lambda a: random.normal(size=a.shape).astype(np.float32), forms)


def softmax(x: Array) -> Array:
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def linear(layer: dict[str, Array], x: Array) -> Array:
    return np.asarray(x @ layer["weight"] + layer["bias"])


def looked_up(parameters: Any, row: Array) -> tuple[Array, Array]:
    """The embeddings of a row's words, and their places; the ids of a name begin behind the seven of a text."""
    places = np.flatnonzero(row)
    ids = row[places].astype(int) + np.where(places >= 4, 7, 0)
    return parameters["words"][ids], places


def test_embedding_bag_by_hand() -> None:
    """The mean of the embeddings of a row's words, 0 without words, then dense layers with ReLU, then softmax."""
    predict, parameters = made(EmbeddingBag(embedding=5, hidden=[4]), schema(4, NAME))
    expected = []
    for row in X:
        words, _ = looked_up(parameters, row)
        mean = words.sum(axis=0) / max(len(words), 1)
        hidden, last = parameters["dense"]
        expected.append(softmax(linear(last, np.maximum(linear(hidden, mean), 0))))
    np.testing.assert_allclose(predict(parameters, X), expected, rtol=1e-5, atol=1e-6)


def normalised(layer: dict[str, Array], x: Array) -> Array:
    deviation = np.sqrt(x.var(axis=-1, keepdims=True) + 1e-5)
    return np.asarray((x - x.mean(axis=-1, keepdims=True)) / deviation * (1 + layer["gain"]) + layer["bias"])


def gelu(x: Array) -> Array:
    return np.asarray(x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))))


def encoded(parameters: Any, row: Array, heads: int) -> Array:
    """The scores of one row, in float64: only its words are there, so nothing has to be masked."""
    words, places = looked_up(parameters, row)
    x = words + parameters["positions"][places]
    for block in parameters["blocks"]:
        query, key, value = np.split(linear(block["attention"], normalised(block["before_attention"], x)), 3, axis=1)
        actual = []
        for q, k, v in zip(*(np.split(part, heads, axis=1) for part in (query, key, value)), strict=True):
            actual.append(softmax(q @ k.T / np.sqrt(q.shape[1])) @ v)
        x = x + linear(block["joined"], np.concatenate(actual, axis=1))
        x = x + linear(block["outer"], gelu(linear(block["inner"], normalised(block["before_inner"], x))))
    mean = normalised(parameters["norm"], x).sum(axis=0) / max(len(x), 1)
    return linear(parameters["dense"][0], mean)


def test_transformer_by_hand() -> None:
    """Two blocks with two heads over the words that a row has, by the papers' formulas, row by row in float64."""
    predict, parameters = made(Transformer(embedding=8, blocks=2, heads=2), schema(4, NAME))
    exact = jax.tree.map(np.float64, parameters)
    *rows, empty = softmax(np.array([encoded(exact, row, 2) for row in X[:3]] + [exact["dense"][0]["bias"]]))
    np.testing.assert_allclose(predict(parameters, X), [*rows, empty], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "options", [EmbeddingBag(embedding=8), Transformer(embedding=8, blocks=1, heads=2)], ids=lambda o: o.kind
)
def test_padding_changes_nothing(options: Options) -> None:
    """More room behind the texts, and another embedding of padding, leave predictions; its gradient is 0."""
    texts = X[:, :4]
    predict, parameters = made(options, schema(4))
    wider, _ = made(options, schema(9))
    expected = predict(parameters, texts)
    padded = np.pad(texts, ((0, 0), (0, 5)))
    more = {n: np.pad(a, ((0, 5), (0, 0)), constant_values=7) if n == "positions" else a for n, a in parameters.items()}
    np.testing.assert_allclose(wider(more, padded), expected, rtol=1e-5, atol=1e-6)
    words = parameters["words"].copy()
    words[0] = 1e6
    np.testing.assert_array_equal(predict(parameters | {"words": words}, texts), expected)
    slope = jax.jit(jax.grad(lambda p: jnp.sum(jnp.square(predict(p, texts)))))(parameters)["words"]
    assert not slope[0].any()
    assert slope[2].any()


def test_bfloat16_is_nearly_float32() -> None:
    """With it the transformer's predictions are float32 still, others than without, and nearly the same."""
    exact, narrow = (
        build_learner(Transformer(embedding=8, blocks=1, heads=2, precision=type), schema(4))
        for type in ("float32", "bfloat16")
    )
    parameters = exact.parameters(jax.jit(exact.init)(jax.random.key(0)))
    expected, actual = (jax.jit(learner.predict)(parameters, X[:, :4]) for learner in (exact, narrow))
    assert actual.dtype == jnp.float32
    assert not np.array_equal(actual, expected)
    np.testing.assert_allclose(actual, expected, atol=0.02)


def test_the_order_of_words() -> None:
    """It is nothing to the bag, and something to the transformer."""
    for options, blind in ((EmbeddingBag(embedding=8), True), (Transformer(embedding=8, blocks=1, heads=2), False)):
        predict, parameters = made(options, schema(4))
        forward, back = (predict(parameters, X[:, order])[0] for order in ([0, 1, 2, 3], [2, 1, 0, 3]))
        assert np.allclose(forward, back, rtol=1e-5) == blind


def test_where_dropout_acts() -> None:
    """On the embeddings, on what each half of a block adds, and on hidden layers: once, with numbers of its own."""
    layers = TransformerLayers(Vocabularies(schema(4), "transformer"), 2, 2, [8, 4, 3])
    forms = jax.eval_shape(layers.init, jax.random.key(0))
    seen = []

    def between(x: jax.Array, layer: int) -> jax.Array:
        seen.append((layer, x.shape))
        return x

    jax.eval_shape(lambda parameters: layers.outputs(parameters, jnp.asarray(X[:, :4]), Between(passed=between)), forms)
    assert seen == [(layer, (4, 4, 8)) for layer in range(5)] + [(5, (4, 4))]


def test_what_is_no_id_is_an_unknown_word() -> None:
    """Ids of a larger vocabulary, fractions, negative numbers and NaN count as a word that is not told apart."""
    predict, parameters = made(EmbeddingBag(embedding=8), schema(4))
    odd = np.array([[7, 2.5, -1, np.nan]] * len(X), np.float32)
    np.testing.assert_array_equal(predict(parameters, odd), predict(parameters, np.ones_like(odd)))


def train(docstrings: Path, folder: Path, backend: str) -> Path:
    """The version of a model that tells the package of a text."""
    asked = {
        "name": "texts",
        "data": {
            "train": str(docstrings / "train"),
            "test": str(docstrings / "test"),
            "features": ["doc"],
            "label": "package",
            "prepare": [step("tokens", "doc", length=64)],
        },
        "learner": {"kind": "embedding_bag", "optimizer": {"kind": "adam", "learning_rate": 1e-2}},
        "training": {"epochs": 8, "batch_size": 128, "shards": 3},
        "checkpoint": {"path": str(folder / "job")},
        "export": str(folder / "models"),
    }
    return Path(str(yarnml.run(asked, backend).export))


@pytest.fixture(scope="module")
def exported(docstrings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(docstrings, tmp_path_factory.mktemp("alone"), "inline")


def test_as_good_as_scikit_learn(docstrings: Path, exported: Path) -> None:
    """Which package a text is from: far better than the most frequent one, and about as well as hashed words tell."""
    rows, asked = (pq.read_table(docstrings / part).to_pydict() for part in ("train", "test"))
    words = HashingVectorizer(n_features=4096, alternate_sign=False)
    peer = LogisticRegression(C=10.0, max_iter=300).fit(words.transform(rows["doc"]), rows["package"])
    reached = peer.score(words.transform(asked["doc"]), asked["package"])
    model = yarnml.load_model(exported)
    packages = np.array(asked["package"])
    accuracy = np.mean(model.predict(asked) == packages)
    assert accuracy > max(np.mean(packages == package) for package in set(packages)) + 0.5
    assert accuracy > reached - 0.02
    assert accuracy == pytest.approx(model.about["metrics"]["test"]["accuracy"])


@pytest.mark.breadth
def test_the_same_bits(docstrings: Path, exported: Path, tmp_path: Path) -> None:
    """Two worker processes find the same vocabulary, and train to the same bits, as one process."""
    other = train(docstrings, tmp_path, "local")
    assert (exported / "model.safetensors").read_bytes() == (other / "model.safetensors").read_bytes()
    assert yarnml.load_model(exported).schema == yarnml.load_model(other).schema
