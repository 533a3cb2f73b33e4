"""Gradients in bfloat16: every node of the tree has one value, in half the bytes, and a model learns as well."""

from typing import Any

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits

import yarnml
from tests.jobs.test_same_bits import model_digest
from tests.reduce.allreduces import TOKEN, bits, check_sums, connected
from yarnml.clusters.yarn.skein_import import skein
from yarnml.control.credentials import Certificate
from yarnml.data.scaling import moments, standard
from yarnml.data.schema import Feature, Rows, Schema
from yarnml.job.learners import Mlp
from yarnml.learners.registry import build_learner
from yarnml.reduce.chunks import CHUNK_ELEMENTS, chunk_bounds, slice_bounds
from yarnml.reduce.tree import BFLOAT16, Join, MixedVector, Node, Value, add, combine, root
from yarnml.worker.program import Program

pytestmark = pytest.mark.long

DIGITS = Schema((Feature("x", 64),), "y", "class", tuple(range(10)))


def leaf(shard: int, length: int, exact: int) -> MixedVector:
    """Sums that hang, to the bit, on the order of additions; the last ``exact`` of them are not rounded."""
    values = np.random.default_rng([shard, length]).normal(size=length) * 10.0 ** (shard % 5)
    return MixedVector(values[: length - exact].astype(BFLOAT16), values[length - exact :].astype(np.float32))


def numbers(*values: float) -> Any:
    return np.array(values, BFLOAT16)


def test_sums_are_rounded_to_nearest_even() -> None:
    """A sum half-way between two numbers of bfloat16 becomes the even one; NaN, infinity and overflow stay seen."""
    half = 2.0**-8  # of the distance between 1 and the next number
    left = numbers(1, 1 + 2 * half, 1, 1, 3e38, np.inf, np.nan, np.inf)
    right = numbers(half, half, 1.01 * half, -half / 4, 3e38, 1, 1, -np.inf)
    with np.errstate(over="ignore", invalid="ignore"):
        total = add(left, right, Node(1, 0))
    assert total.dtype == BFLOAT16
    expected = [1, 1 + 4 * half, 1 + 2 * half, 1, np.inf, np.inf, np.nan, np.nan]
    np.testing.assert_array_equal(total.astype(np.float32), np.array(expected, np.float32))


@given(st.integers(1, 12).flatmap(lambda shards: st.permutations(range(shards))), st.integers(1, 4))
@settings(max_examples=40)
def test_nodes_have_one_value(order: list[int], workers: int) -> None:
    """Whoever adds what, in whatever order, the total is that of the tree's definition, rounded at every node."""
    shards = len(order)

    def by_definition(node: Node) -> MixedVector:
        if node.level == 0:
            return leaf(node.place, 9, 2)
        left, right = (Node(node.level - 1, 2 * node.place + side) for side in (0, 1))
        a = by_definition(left)
        if right.shards.start >= shards:
            return a
        b = by_definition(right)
        rounded = a.rounded.astype(np.float32) + b.rounded.astype(np.float32)
        return MixedVector(rounded.astype(BFLOAT16), a.exact + b.exact)

    join = Join[MixedVector](shards)
    for worker in range(workers):
        for node, value in combine({s: leaf(s, 9, 2) for s in order[worker::workers]}, shards).items():
            join.add(node, value)
    assert join.total is not None
    assert bits(join.total) == bits(by_definition(root(shards)))


@given(st.integers(0, 3 * CHUNK_ELEMENTS), st.integers(0, 50), st.integers(1, 5))
def test_a_chunk_has_one_type(rounded: int, exact: int, slices: int) -> None:
    """Chunks follow each other to the end of the vector, and none crosses from one of its pieces to the other."""
    at = 0
    for run in slice_bounds(rounded + exact, slices):
        for low, high in chunk_bounds(*run, rounded):
            assert low == at
            assert high - low <= CHUNK_ELEMENTS
            assert high <= rounded or low >= rounded
            at = high
    assert at == rounded + exact


LENGTH = 3 * CHUNK_ELEMENTS
EXACT = 5


def leaves(step: int, shard: int) -> MixedVector:
    return leaf(shard, LENGTH, EXACT)


@pytest.mark.parametrize("flight", [False, True], ids=["sockets", "flight"])
@pytest.mark.parametrize(("workers", "dedicated"), [(3, 0), (2, 1)])
def test_half_the_bytes_travel(workers: int, dedicated: int, flight: bool) -> None:
    """Gradients take two bytes each way, the rest four."""
    pair = skein.Security.new_credentials() if flight else None
    credentials = Certificate(pair.cert_bytes, pair.key_bytes, "skein-internal") if pair else TOKEN
    with connected(workers, dedicated, credentials=credentials) as (allreduces, *_):
        check_sums(allreduces, leaves, steps=2)
        received = sum(allreduce.received.bytes for allreduce in allreduces)
    of_a_total = 2 * (LENGTH - EXACT) + 4 * EXACT
    assert received == 2 * of_a_total * (workers if dedicated else workers - 1)


def test_relays_round_too() -> None:
    """With two levels of reducers the bits are the same."""
    with connected(5, 0, levels=2) as (allreduces, *_):
        check_sums(allreduces, leaves, steps=2)
        assert any(allreduce.relay_sent.messages for allreduce in allreduces)


class Network:
    """A small network of the digits, whose batch normalisation has statistics among the sums."""

    def __init__(self, gradients: Any) -> None:
        x, y = load_digits(return_X_y=True)
        rows = Rows(x.astype(np.float32), y.astype(np.int32), np.ones(len(x), np.float32))
        self.rows = Rows(*(a[:1200] for a in rows.arrays))
        self.test_rows = Rows(*(a[1200:] for a in rows.arrays))
        options = Mlp(hidden=[32], normalization="batch", optimizer={"kind": "adam", "learning_rate": 1e-2})
        learner: Any = build_learner(options, DIGITS)
        self.program = Program(learner, DIGITS, gradients=gradients)
        self.scaling = standard(moments(self.rows), DIGITS)
        self.state = jax.jit(learner.init)(jax.random.key(0))

    def sums(self, shard: int, step: int = 0, shards: int = 4) -> Value:
        """The sums of a shard at a step, which has a quarter of its rows."""
        every = 4 * shards
        return self.program.map(
            self.state, self.scaling, Rows(*(a[shard + step % 4 * shards :: every] for a in self.rows.arrays))
        )

    def accuracy(self, steps: int, shards: int = 4) -> float:
        """The accuracy on other digits, after ``steps`` steps."""
        for step in range(steps):
            total = combine({s: self.sums(s, step, shards) for s in range(shards)}, shards)[root(shards)]
            self.state, _ = self.program.update(self.state, total)
        outputs, _ = self.program.evaluate(self.state, self.scaling, self.test_rows)
        return float(np.mean(outputs.argmax(axis=1) == self.test_rows.y))


def test_gradients_alone_are_rounded() -> None:
    """The device gives the gradients of float32, each rounded once, and the same loss, weight and moments."""
    plain, mixed = (Network(gradients).sums(0) for gradients in ("float32", "bfloat16"))
    assert isinstance(plain, np.ndarray)
    assert isinstance(mixed, MixedVector)
    count = 64 * 32 + 2 * 32 + 32 * 10 + 10  # weights, gains and biases
    assert len(mixed.rounded) == count
    np.testing.assert_array_equal(mixed.rounded, plain[:count].astype(BFLOAT16))
    np.testing.assert_array_equal(mixed.exact, plain[count:])
    np.testing.assert_allclose(mixed.astype(np.float32), plain, rtol=2**-8)


@pytest.mark.breadth
def test_a_network_learns_as_well() -> None:
    """After fifty steps the accuracy on other digits is that of float32, but for two of a hundred."""
    rounded, plain = (Network(gradients).accuracy(50) for gradients in ("bfloat16", "float32"))
    assert plain > 0.85
    assert rounded == pytest.approx(plain, abs=0.02)


def test_a_checkpoint_is_continued(digits_job: dict[str, Any]) -> None:
    """A job that was stopped after an epoch ends with the bits of one that was not."""
    digits_job["training"] |= {"epochs": 1, "gradients": "bfloat16"}
    yarnml.run(digits_job, "inline")
    digits_job["training"] |= {"epochs": 2}
    assert not yarnml.run(digits_job, "inline").already
    yarnml.run(digits_job, "inline", restart=True)
    assert model_digest(digits_job, 2) == model_digest(digits_job, 3)
