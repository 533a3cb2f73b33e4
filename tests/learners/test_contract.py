"""The contract of a learner, the same laws for every kind; one entry in `KINDS` adds an alternative."""

import copy
from dataclasses import dataclass
from functools import cached_property, reduce
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
import safetensors.numpy

from yarnml.data.scaling import Scaling
from yarnml.data.schema import Feature, Rows, Schema
from yarnml.errors import JobFileError
from yarnml.job.learners import (
    Als,
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
    KMeans,
    Linear,
    Logistic,
    Mlp,
    NaiveBayes,
    Options,
    Pca,
    Poisson,
    Recurrent,
    Softmax,
    Svm,
    Transformer,
    Tree,
)
from yarnml.job.prepare import HashedTokens
from yarnml.learners.base import Batch, Learner, ShardLearner
from yarnml.learners.ratings.als import AlternatingLeastSquares
from yarnml.learners.registry import build_learner
from yarnml.worker.named_arrays import from_tensors, tensors
from yarnml.worker.program import Program

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
    return Schema((Feature("x", width),), "y", "class" if classes else "number", classes, None, shape)


def unlabelled(width: int, clusters: int = 0, shape: tuple[int, ...] | None = None) -> Schema:
    return Schema((Feature("x", width),), None, "none", tuple(range(clusters)), None, shape)


NUMBER, TWO, THREE = schema(16, ()), schema(16, ("no", "yes")), schema(16, (1, 2, 3))
IMAGE = schema(32, (1, 2, 3), (4, 4, 2))

TOKENS = HashedTokens(columns=["x"], length=6, vocabulary=10)
TEXT = Schema((Feature("x", 6, (TOKENS,)),), "y", "class", (1, 2, 3))
TEXT_NUMBER = Schema((Feature("x", 6, (TOKENS,)),), "y", "number", (), None, (2, 3))

KINDS: dict[str, tuple[Options, Schema]] = {
    "linear": (Linear(l2=0.1), schema(16, (), (4, 4))),
    "logistic": (Logistic(), schema(16, (False, True), (2, 2, 4))),
    "softmax": (Softmax(clip_norm=0.5), schema(16, (1, 2, 3), (4, 4, 1))),
    "linear-newton": (Linear(solver="newton"), schema(16, (), (4, 4))),
    "poisson-lbfgs": (Poisson(solver="lbfgs", l2=0.1), NUMBER),
    "gamma": (Gamma(), NUMBER),
    "huber-fista": (Huber(solver="fista", l1=0.01, delta=0.5), NUMBER),
    "svm-lbfgs": (Svm(solver="lbfgs", l2=0.1), schema(16, ("no", "yes"), (2, 8))),
    "mlp": (Mlp(hidden=[8, 4]), schema(16, (1, 2, 3), (2, 8))),
    "mlp-number": (Mlp(hidden=[8], normalization="layer"), NUMBER),
    "mlp-batch": (Mlp(hidden=[8, 4], normalization="batch", l2=0.01), NUMBER),
    "cnn": (Cnn(channels=[3], hidden=[5]), IMAGE),
    "cnn-number": (Cnn(channels=[3, 2], hidden=[]), schema(32, (), (4, 4, 2))),
    "mlp-dropout": (Mlp(hidden=[64], dropout=0.2), NUMBER),
    "cnn-dropout": (Cnn(channels=[3], hidden=[32], dropout=0.1), IMAGE),
    "cnn-batch": (Cnn(channels=[3], hidden=[8], normalization="batch", dropout=0.1), IMAGE),
    "recurrent": (Recurrent(cell="rnn", units=[8], hidden=[4]), schema(16, (), (4, 4))),
    "recurrent-lstm": (Recurrent(units=[8, 8], dropout=0.1), schema(16, (1, 2, 3), (8, 2))),
    "recurrent-gru": (Recurrent(cell="gru", units=[8], normalization="layer"), schema(16, (1, 2, 3), (4, 4))),
    "custom": (Custom(path="own_model.py:Net"), THREE),
    "kmeans": (KMeans(clusters=3), unlabelled(16, 3, (4, 4))),
    "mixture": (GaussianMixture(clusters=2, floor=0.1), unlabelled(6, 2, (2, 3))),
    "pca": (Pca(components=3), unlabelled(16, 0, (4, 4))),
    "pca-randomised": (Pca(components=2, method="randomised"), unlabelled(16)),
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
    "forest": (Forest(trees=3, depth=2, bins=8), schema(16, (), (4, 4))),
    "boosting": (Boosting(trees=8, depth=2, bins=8, min_hessian=0.1, subsample=0.7, features=0.5), TWO),
    "boosting-monotone": (Boosting(trees=8, learning_rate=0.5, depth=3, monotone={"x": "decreasing"}), schema(1, ())),
    "bag": (EmbeddingBag(embedding=8, dropout=0.1), TEXT),
    "transformer": (Transformer(embedding=8, blocks=1, heads=2, hidden=[4]), TEXT_NUMBER),
}


ROWS = 24
HALF = 12


@dataclass
class Case:
    learner: Learner
    schema: Schema
    rows: Rows
    by_batch: bool = False  # whether a row's part in the sums hangs on the rows beside it

    def __post_init__(self) -> None:
        self.map = self._map_whole if isinstance(self.learner, ShardLearner) else jax.jit(self.learner.map)
        self.init = jax.jit(self.learner.init)
        self.update = jax.jit(self.learner.update)

    @cached_property
    def scaling(self) -> Scaling:
        """A scaling that changes every feature."""
        random = np.random.default_rng(0)
        return Scaling(*(random.uniform(0.5, 1.5, self.schema.width).astype(np.float32) for _ in range(2)))

    @cached_property
    def program(self) -> Program:
        """The learner as compiled functions."""
        return Program(self.learner, self.schema)

    def prepare_shard(self, state: Any, batch: Batch) -> Any:
        """What is held of a shard of one batch: rows without weight never come there."""
        return self.learner.prepare_shard(state, [Batch(*(a[batch.weight > 0] for a in batch))])

    def _map_whole(self, state: Any, batch: Batch) -> Any:
        here = jax.tree.map(np.asarray, state)
        sums, _ = self.learner.map_shard(here, self.prepare_shard(here, batch))
        return jax.tree.map(np.float32, sums)

    @property
    def batch(self) -> Batch:
        x = self.rows.x.reshape(-1, *(self.schema.shape or (self.schema.width,)))
        return Batch(x, self.rows.y, self.rows.weight)

    def state(self) -> Any:
        return self.init(jax.random.key(7))


@pytest.fixture(
    scope="module",
    params=[pytest.param(kind, marks=pytest.mark.xdist_group(f"the contract of {kind}")) for kind in KINDS],
)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    options, columns = KINDS[request.param]
    if isinstance(options, Custom):
        folder = tmp_path_factory.mktemp("custom")
        (folder / "own_model.py").write_text(OWN_MODEL)
        options = Custom(path=str(folder / options.path))
    random = np.random.default_rng(3)
    n = ROWS
    classes = columns.label_type == "class"
    y = random.integers(columns.outputs, size=n) if classes else random.normal(size=n)
    y = np.exp(y) if isinstance(options, Poisson | Gamma | Als | Factorization) else y
    x = random.normal(size=(n, columns.width)).astype(np.float32)
    if isinstance(options, NaiveBayes):
        x = np.abs(x) * (1 + np.eye(columns.outputs, columns.width, dtype=np.float32)[y])
    if isinstance(options, Factorization | Als):
        x = random.integers((options.users, options.items), size=(n, 2)).astype(np.float32)
    if options.WORDS == "only":
        x = random.integers(TOKENS.ids, size=x.shape).astype(np.float32)
    weight = random.uniform(0.5, 2.0, n).astype(np.float32)
    rows = Rows(x, y.astype(np.int32 if classes else np.float32), weight)
    return Case(build_learner(options, columns), columns, rows, getattr(options, "normalization", "none") == "batch")


def first_rows(batch: Batch, count: int) -> Batch:
    return Batch(*(a[:count] for a in batch))


def add(a: Any, b: Any) -> Any:
    """Sums and sums, as a reducer adds them."""
    return jax.tree.map(np.add, a, b)


def close(a: Any, b: Any) -> None:
    """Equal to the precision of float32 sums over a few rows."""
    jax.tree.map(lambda p, q: np.testing.assert_allclose(p, q, rtol=2e-5, atol=2e-5), a, b)


def same(a: Any, b: Any) -> None:
    """Equal to the bit, types included."""
    first, second = tensors(a), tensors(b)
    assert first.keys() == second.keys()
    for name in first:
        assert first[name].dtype == second[name].dtype
        assert first[name].tobytes() == second[name].tobytes(), name


def test_rows_of_weight_zero_add_nothing(case: Case) -> None:
    """A batch and the same batch with padding behind it have the same sums."""
    batch = first_rows(case.batch, HALF)
    state = case.state()
    padded = Batch(*(np.concatenate([a, a]) for a in batch))
    padded.weight[HALF:] = 0
    close(case.map(state, padded), case.map(state, batch))


def test_sums_over_a_batch_are_the_sums_over_its_parts(case: Case) -> None:
    """map(a batch) = map(its first rows) + map of what is left, in one part or row by row."""
    if isinstance(case.learner, AlternatingLeastSquares):
        pytest.skip("its sums tell who has rows in several shards")
    if case.by_batch:
        pytest.skip("normalises by the rows of its batch")
    batch = case.batch
    state = case.state()
    whole = case.map(state, batch)
    first = case.map(state, first_rows(batch, HALF))
    rest = case.map(state, Batch(*(a[HALF:] for a in batch)))
    close(add(first, rest), whole)
    singles = [case.map(state, Batch(*(a[row : row + 1] for a in batch))) for row in range(HALF, ROWS)]
    close(reduce(add, singles, first), whole)


def test_a_weight_of_two_is_the_row_twice(case: Case) -> None:
    """Weights count rows: whole-number weights give the sums of the repeated rows."""
    counts = np.arange(len(case.rows.x)) % 3
    batch, state = case.batch, case.state()
    weighted = batch._replace(weight=counts.astype(np.float32))
    repeated = Batch(*(np.repeat(a, counts, axis=0) for a in batch))._replace(weight=np.ones(counts.sum(), np.float32))
    close(case.map(state, weighted), case.map(state, repeated))


def test_what_is_held_can_be_worked_out_anew(case: Case) -> None:
    """Sums have the same bits from what was held all along, since any earlier pass, or of the shard's rows alone."""
    if not isinstance(case.learner, ShardLearner):
        pytest.skip("keeps nothing")
    batch, state = case.batch, case.state()
    along = case.prepare_shard(jax.tree.map(np.asarray, state), batch)
    for number in range(20):
        here = jax.tree.map(np.asarray, state)
        if number % 3 == 0:
            now_and_then = copy.deepcopy(along)
        anew = case.learner.map_shard(here, case.prepare_shard(here, batch))[0]
        sums, along = case.learner.map_shard(here, along)
        same(sums, anew)
        same(case.learner.map_shard(here, copy.deepcopy(now_and_then))[0], anew)
        state, _ = case.update(state, sums)


def test_a_shard_without_rows_has_sums_too(case: Case) -> None:
    """Where all weights are 0, the sums of a learner that holds have the usual shapes, and are 0."""
    if not isinstance(case.learner, ShardLearner):
        pytest.skip("sees padding")
    state = jax.tree.map(np.asarray, case.state())
    empty, _ = case.learner.map_shard(state, case.learner.prepare_shard(state, []))
    usual, _ = case.learner.map_shard(state, case.prepare_shard(state, case.batch))
    for nothing, something in zip(jax.tree.leaves(empty), jax.tree.leaves(usual), strict=True):
        assert (nothing.shape, nothing.dtype) == (something.shape, something.dtype)
        assert not nothing.any()


def test_update_is_pure(case: Case) -> None:
    """The same state and sums give the same next state, to the bit, and neither is touched."""
    state = case.state()
    sums = case.map(state, case.batch)
    before = tensors({"state": state, "sums": sums})
    first, scores = case.update(state, sums)
    second, again = case.update(state, sums)
    same(first, second)
    same(scores, again)
    same(from_tensors({"state": state, "sums": sums}, before), {"state": state, "sums": sums})
    assert not all(np.array_equal(a, b) for a, b in zip(*map(jax.tree.leaves, (state, first)), strict=True))


def test_a_step_without_weight_keeps_numbers_finite(case: Case) -> None:
    """A step of rows that all have weight 0 does not divide by it."""
    state = case.state()
    batch = case.batch._replace(weight=np.zeros(len(case.rows.x), np.float32))
    following, scores = case.update(state, case.map(state, batch))
    assert all(np.isfinite(a).all() for a in tensors(following).values())
    assert float(scores.weight) == 0.0


def test_predictions_and_losses_have_one_row_each(case: Case) -> None:
    """predict gives probabilities [rows, classes] that add up to 1, or numbers [rows]; loss gives [rows].

    Without a label it is [rows, clusters], or anything that has rows.
    """
    n = len(case.rows.x)
    outputs, losses = jax.jit(_outputs_and_losses, static_argnums=0)(case.learner, case.state(), case.batch)
    assert losses.shape == (n,)
    if case.schema.label_type == "number":
        assert outputs.shape == (n,)
    elif case.schema.label_type == "none":
        assert outputs.shape == (n, case.schema.outputs or outputs.shape[1])
    else:
        assert outputs.shape == (n, case.schema.outputs)
        np.testing.assert_allclose(outputs.sum(axis=1), 1.0, rtol=1e-5)


def _outputs_and_losses(learner: Learner, state: Any, batch: Batch) -> tuple[Any, Any]:
    parameters = learner.parameters(state)
    return learner.predict(parameters, batch.x), learner.loss(parameters, batch)


def test_training_lowers_the_loss(case: Case) -> None:
    """Fifty steps on one batch lower its mean loss."""

    batch, state = case.batch, case.state()
    state, scores = case.update(state, case.map(state, batch))
    for _ in range(50):
        state, last = case.update(state, case.map(state, batch))
    assert float(last.loss) < 0.99 * float(scores.loss)


def test_the_state_round_trips_through_arrays(case: Case) -> None:
    """State → named arrays → safetensors → state keeps every bit, after a step too."""
    state = case.state()
    state, _ = case.update(state, case.map(state, case.batch))
    data = safetensors.numpy.save(tensors(state))
    same(from_tensors(case.state(), safetensors.numpy.load(data)), state)


def test_the_exported_program_predicts_the_same_without_yarnml(case: Case) -> None:
    """safetensors and jax.export alone give the learner's predictions, for any number of rows."""
    state = case.state()
    saved = safetensors.numpy.save(case.program.tensors(state, case.scaling))

    arrays = safetensors.numpy.load(saved)
    predict = jax.export.deserialize(bytearray(case.program.stablehlo)).call
    for n in (1, ROWS):
        x = case.rows.x[:n]
        expected, _ = case.program.evaluate(state, case.scaling, Rows(x, case.rows.y[:n], case.rows.weight[:n]))
        np.testing.assert_allclose(predict(arrays, x), expected, rtol=2e-5, atol=2e-6)


def test_the_exported_program_is_the_same_every_time(case: Case) -> None:
    """Two programs of one learner have the same bytes, and name no source file."""
    first = case.program.stablehlo
    second = Program(case.learner, case.schema).stablehlo
    assert first == second
    assert b".py" not in first
    assert str(Path(__file__).parents[2]).encode() not in first


def test_the_flat_vector_is_the_sums(case: Case) -> None:
    """Program.map and Program.update do, over one flat vector, what the learner's map and update do."""
    program = Program(case.learner, case.schema)
    state = case.state()
    sums = case.map(state, case.batch)
    vector = program.map(state, None, case.rows)
    close(vector, np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(sums)]))
    expected, _ = case.update(state, sums)
    close(program.update(state, vector)[0], expected)


@pytest.mark.parametrize(
    ("options", "columns", "words"),
    [
        (Linear(), TWO, "linear predicts numbers"),
        (Logistic(), NUMBER, "logistic predicts classes"),
        (Logistic(), THREE, "needs 2 classes"),
        (Softmax(), NUMBER, "softmax predicts classes"),
        (Softmax(), schema(16, ("only",)), "two classes or more"),
        (Mlp(), schema(16, ("only",)), "two classes or more"),
        (Cnn(), THREE, "needs data.shape"),
        (Cnn(channels=[1, 2, 3]), IMAGE, "allows 1 to 2 of them, found 3"),
        (Cnn(channels=[]), IMAGE, "found 0"),
        (Recurrent(), IMAGE, r"needs data.shape: \[steps, features\], found \[4, 4, 2\]"),
        (NaiveBayes(), NUMBER, "naive_bayes predicts classes"),
        (Tree(depth=14), schema(100, ()), "lower learner.depth or learner.bins"),
        (Tree(categorical=["x"]), THREE, "'x' is none of data.features that hold one number"),
        (Tree(monotone={"x": "increasing"}), NUMBER, "monotone: 'x' is none of data.features that hold one number"),
        (Tree(monotone={"x": "increasing"}), schema(1, (1, 2, 3)), "monotone needs a number or two classes"),
        (Tree(monotone={"x": "increasing"}, categorical=["x"]), schema(1, ()), "but categories have no order"),
        (Boosting(), schema(16, ("only",)), "boosting needs two classes or more"),
        (Factorization(users=5, items=4), schema(2, (1, 2)), "factorization predicts numbers"),
        (Factorization(users=5, items=4), NUMBER, "two features, .* but data.features holds 16 numbers"),
        (Als(users=5, items=4), NUMBER, "als needs two features"),
        (Transformer(), THREE, "transformer takes ids of words, but column 'x' holds numbers"),
        (FactorizationMachine(), schema(16, ("only",)), "two classes or more"),
        (Pca(components=17), unlabelled(16), "at most the 16 numbers of a row, not 17"),
        (Pca(components=2), unlabelled(5000), "a matrix of 5000 x 5000 numbers; above 4096 choose randomised"),
    ],
)
def test_a_learner_that_does_not_fit_the_columns_is_refused(options: Options, columns: Schema, words: str) -> None:
    """A kind that can't serve the label or the shape is a mistake in the job file, told in one sentence."""
    with pytest.raises(JobFileError, match=words):
        build_learner(options, columns)
