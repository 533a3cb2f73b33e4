"""Kinds of learners, each with columns that it learns from: what the tests of the contract go through."""

from typing import Any

from msgspec.structs import replace

from yarnml.data.schema import Feature, Offset, Schema
from yarnml.job.learners import (
    Als,
    Augment,
    Boosting,
    Cnn,
    Custom,
    EmbeddingBag,
    Factorization,
    FactorizationMachine,
    Forest,
    Gamma,
    GaussianMixture,
    Huber,
    IsolationForest,
    KMeans,
    Linear,
    Logistic,
    Mlp,
    NaiveBayes,
    NegativeBinomial,
    Options,
    Ordinal,
    Pca,
    Poisson,
    Quantile,
    Recurrent,
    Softmax,
    Svm,
    Transformer,
    Tree,
)
from yarnml.job.prepare import HashedTokens, Pieces

OWN_MODEL = """
import jax
import jax.numpy as jnp

class Net:
    def init(self, key, schema):
        return [{"w": 0.1 * jax.random.normal(key, (schema.width, schema.outputs))}, (jnp.zeros(schema.outputs),)]

    def loss(self, parameters, x, y):
        return -jnp.take_along_axis(jnp.log(self.predict(parameters, x)), y[:, None], axis=1)[:, 0]

    def predict(self, parameters, x):
        layer, (bias,) = parameters
        return jax.nn.softmax(jnp.tanh(x @ layer["w"]) + bias)
"""


def schema(width: int, classes: tuple[Any, ...], shape: tuple[int, ...] | None = None) -> Schema:
    """One feature ``x`` of some numbers and a label ``y``: a number where there are no classes."""
    return Schema((Feature("x", width),), "y", "class" if classes else "number", classes, None, shape)


def unlabelled(width: int, clusters: int = 0, shape: tuple[int, ...] | None = None) -> Schema:
    """One feature ``x`` of some numbers, and no label."""
    return Schema((Feature("x", width),), None, "none", tuple(range(clusters)), None, shape)


def several(width: int, classes: tuple[Any, ...]) -> Schema:
    """One feature and three labels: numbers where there are no classes."""
    return replace(schema(width, classes), label=("y", "z", "u"))


NUMBER = schema(16, ())
TWO = schema(16, ("no", "yes"))
THREE = schema(16, (1, 2, 3))
IMAGE = schema(32, (1, 2, 3), (4, 4, 2))

TOKENS = HashedTokens(columns=["x"], length=6, vocabulary=10)
TEXT = Schema((Feature("x", 6, (TOKENS,)),), "y", "class", (1, 2, 3))
TEXT_NUMBER = Schema((Feature("x", 6, (TOKENS,)),), "y", "number", (), None, (2, 3))

PIECES = Pieces(columns=["x"], length=6, values=list("abcdefghij"), merges=[])
PROSE = Schema((Feature("x", 6, (PIECES,)),), None, "text", ())

KINDS: dict[str, tuple[Options, Schema]] = {
    "linear": (Linear(l2=0.1, optimizer={"kind": "sgd", "learning_rate": 0.1}), schema(16, (), (4, 4))),
    "logistic": (Logistic(), schema(16, (False, True), (2, 2, 4))),
    "softmax": (Softmax(clip_norm=0.5), schema(16, (1, 2, 3), (4, 4, 1))),
    "linear-newton": (Linear(solver="newton"), schema(16, (), (4, 4))),
    "poisson-lbfgs": (Poisson(solver="lbfgs", l2=0.1), NUMBER),
    "poisson-offset": (Poisson(solver="newton", robust="HC1"), replace(NUMBER, offset=Offset("t"))),
    "gamma": (Gamma(), NUMBER),
    "negative-binomial": (NegativeBinomial(solver="lbfgs", alpha=0.5), NUMBER),
    "quantile": (Quantile(quantile=0.8), NUMBER),
    "quantiles": (Quantile(quantile=[0.2, 0.8]), replace(NUMBER, quantiles=(0.2, 0.8))),
    "mlp-quantiles": (Mlp(hidden=[8], quantile=[0.2, 0.8]), replace(NUMBER, quantiles=(0.2, 0.8))),
    "ordinal": (Ordinal(robust="HC0"), THREE),
    "huber-fista": (Huber(solver="fista", l1=0.01, delta=0.5), NUMBER),
    "mlp-labels": (Mlp(hidden=[8], dropout=0.1), several(16, (0, 1))),
    "tree-labels": (Tree(depth=3, bins=8), several(16, ())),
    "svm-lbfgs": (Svm(solver="lbfgs", l2=0.1), schema(16, ("no", "yes"), (2, 8))),
    "mlp": (Mlp(hidden=[8, 4]), schema(16, (1, 2, 3), (2, 8))),
    "mlp-number": (Mlp(hidden=[8], normalization="layer"), NUMBER),
    "mlp-batch": (Mlp(hidden=[8, 4], normalization="batch", l2=0.01), NUMBER),
    "cnn": (Cnn(channels=[3], hidden=[5]), IMAGE),
    "cnn-number": (Cnn(channels=[3, 2], hidden=[]), schema(32, (), (4, 4, 2))),
    "mlp-dropout": (Mlp(hidden=[64], dropout=0.2), NUMBER),
    "cnn-dropout": (
        Cnn(channels=[3], hidden=[32], dropout=0.1, augment=Augment(flip=True, crop=1, colour=0.1)),
        IMAGE,
    ),
    "cnn-batch": (Cnn(channels=[3], hidden=[8], normalization="batch", dropout=0.1), IMAGE),
    "recurrent": (Recurrent(cell="rnn", units=[8], hidden=[4]), schema(16, (), (4, 4))),
    "recurrent-lstm": (Recurrent(units=[8, 8], dropout=0.1), schema(16, (1, 2, 3), (8, 2))),
    "recurrent-gru": (Recurrent(cell="gru", units=[8], normalization="layer"), schema(16, (1, 2, 3), (4, 4))),
    "recurrent-horizon": (Recurrent(cell="gru", units=[8], horizon=3), replace(several(16, ()), shape=(4, 4))),
    "custom": (Custom(path="own_model.py:Net"), THREE),
    "kmeans": (KMeans(clusters=3), unlabelled(16, 3, (4, 4))),
    "mixture": (GaussianMixture(clusters=2, floor=0.1), unlabelled(6, 2, (2, 3))),
    "pca": (Pca(components=3), unlabelled(16, 0, (4, 4))),
    "pca-randomised": (Pca(components=2, method="randomised"), unlabelled(16)),
    "isolation": (IsolationForest(trees=5, rows=16), unlabelled(16, 0, (4, 4))),
    "machine": (FactorizationMachine(rank=3), schema(16, (1, 2, 3), (4, 4))),
    "machine-number": (FactorizationMachine(rank=2, l2=0.1), NUMBER),
    "factorization": (Factorization(users=5, items=4, rank=3, l2=0.1), schema(2, ())),
    "factorization-implicit": (
        Factorization(users=5, items=4, rank=3, feedback="implicit", optimizer={"kind": "adam", "learning_rate": 0.05}),
        schema(2, ()),
    ),
    "als": (Als(users=5, items=4, rank=3), schema(2, (), (1, 2))),
    "als-implicit": (Als(users=5, items=4, rank=2, feedback="implicit"), schema(2, ())),
    "bayes": (NaiveBayes(smoothing=0.1), schema(16, (1, 2, 3), (4, 4))),
    "bayes-multinomial": (NaiveBayes(distribution="multinomial"), THREE),
    "bayes-bernoulli": (NaiveBayes(distribution="bernoulli", threshold=0.5), TWO),
    "tree": (Tree(depth=3, bins=8), THREE),
    "forest": (Forest(trees=3, bins=8), replace(schema(16, (), (4, 4)), rows=60)),
    "boosting": (Boosting(trees=8, depth=2, bins=8, min_hessian=0.1, subsample=0.7, features=0.5), TWO),
    "boosting-monotone": (Boosting(trees=8, learning_rate=0.5, depth=3, monotone={"x": "decreasing"}), schema(1, ())),
    "boosting-quantile": (
        Boosting(trees=4, depth=3, leaves=4, bins=8, objective="quantile", quantile=0.8, splits="random"),
        schema(16, (), (4, 4)),
    ),
    "boosting-quantiles": (
        Boosting(trees=3, depth=3, bins=8, objective="quantile", quantile=[0.2, 0.8], subsample=0.7),
        replace(NUMBER, quantiles=(0.2, 0.8)),
    ),
    "bag": (EmbeddingBag(embedding=8, dropout=0.1), TEXT),
    "transformer": (Transformer(embedding=8, blocks=1, heads=2, hidden=[4]), TEXT_NUMBER),
    "transformer-generate": (
        Transformer(task="generate", context=3, embedding=8, blocks=1, heads=2, dropout=0.1),
        PROSE,
    ),
    "transformer-series": (Transformer(embedding=8, blocks=1, heads=2, horizon=3), several(16, ())),
}

BASIC = {
    *("linear", "poisson-offset", "poisson-lbfgs", "huber-fista", "mlp", "mlp-labels", "mlp-batch", "cnn", "recurrent"),
    *("custom", "kmeans", "mixture", "pca", "isolation", "machine", "factorization", "als", "bayes", "tree", "forest"),
    *("boosting", "bag"),
}
"""One kind for each class of learners and each solver: all laws hold in `make test`.  Of the others only the first."""

ALIKE = {
    *("mlp-number", "mlp-dropout", "mlp-quantiles", "cnn-number", "cnn-dropout", "cnn-batch", "recurrent-lstm"),
    *("recurrent-gru", "transformer-series", "factorization-implicit", "als-implicit", "machine-number"),
    *("pca-randomised", "bayes-multinomial", "tree-labels", "boosting-quantile", "boosting-quantiles"),
}
"""Kinds that leave rows of weight 0 out by the code of another kind: their laws are those of `make test-breadth`."""

QUICK = {"linear", "mlp", "custom", "kmeans", "als", "bayes", "boosting"}
"""One of each way of learning: those of `make test-quick`."""
