"""Edges of bins: exact where values are few, beside exact quantiles where they are many, whatever their magnitudes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingRegressor

from tests.learners.kinds import schema
from tests.learners.trees.growing import Array, grown, predicted
from tests.tiers import cases
from yarnml.job.learners import Boosting, Forest, Tree
from yarnml.learners.base import Batch
from yarnml.learners.trees import sketch
from yarnml.learners.trees.shard import Binning, read_shard

pytestmark = pytest.mark.long

SMALLEST = int(np.finfo(np.float32).smallest_normal.view(np.uint32))
LARGEST = int(np.finfo(np.float32).max.view(np.uint32))


def sketched(x: Array, weight: Array | None = None, bins: int = 255, shards: int = 1) -> Array:
    """The edges of one feature's bins, from passes over shards as a job makes them."""
    weight = np.ones(len(x), np.float32) if weight is None else weight
    parts = list(zip(np.array_split(x[None], shards, axis=1), np.array_split(weight, shards), strict=True))
    tables = sum(sketch.tables(values, bins) for values, _ in parts)
    edges, complete = sketch.distinct_edges(tables, bins)
    cells = np.asarray(sketch.first_cells(1, bins))
    for _ in range(0 if complete[0] else sketch.PASSES - 1):
        counts = sum(sketch.counts(*part, cells, np.zeros(1, bool)) for part in parts)
        full = sketch.weights_of_a_bin(counts, bins)[0]
        edges = sketch.edges(cells[0], counts[0], bins, full)[None]
        cells = sketch.refine(cells[0], counts[0], full)[None]
    return edges[0]


@st.composite
def neighbours(draw: st.DrawFn, limit: int) -> Array:
    """Different float32 numbers: runs of near neighbours, each run at any magnitude; 0 among them or not."""
    runs = draw(st.lists(st.integers(SMALLEST, LARGEST - 4000), min_size=1, max_size=40))
    length = draw(st.integers(1, max(1, limit // len(runs))))
    step = draw(st.sampled_from([1, 1, 2, 3, 1000]))
    bits = np.concatenate([run + step * np.arange(length) for run in runs]).clip(max=LARGEST).astype(np.uint32)
    signs = draw(st.sampled_from([[1], [-1], [1, -1]]))
    values = bits.view(np.float32) * np.resize(np.array(signs, np.float32), len(bits))
    return np.unique(np.append(values, np.float32(0.0)) if draw(st.booleans()) else values)[-limit:]


@settings(max_examples=60)
@given(values=neighbours(255), seed=st.integers(0, 9), shards=st.integers(1, 5))
def test_few_values_have_a_bin_each(values: Array, seed: int, shards: int) -> None:
    """Up to 255 values, however close and of whatever size, are all told apart; edges are the same for any shards."""
    random = np.random.default_rng(seed)
    x = random.permutation(np.concatenate([values, random.choice(values, 200)]))
    weight = random.uniform(1e-3, 1e3, len(x)).astype(np.float32)
    edges = sketched(x, weight, shards=shards)
    np.testing.assert_array_equal(np.searchsorted(edges, values), range(len(values)))
    assert edges.tobytes() == sketched(x).tobytes()


@settings(max_examples=30)
@given(values=neighbours(3000), seed=st.integers(0, 9), bins=st.sampled_from([20, 63, 255]))
def test_bins_of_many_values_are_quantiles(values: Array, seed: int, bins: int) -> None:
    """Whatever the magnitudes, no bin of several values holds more than 16 times its part of the rows."""
    random = np.random.default_rng(seed)
    x = np.concatenate([values, random.choice(values[: 1 + len(values) // 3], 2000)])
    bin = np.searchsorted(sketched(x, bins=bins), x)
    rows = np.bincount(bin, minlength=bins)
    different = np.bincount(np.searchsorted(sketched(x, bins=bins), values), minlength=bins)
    assert rows[different > 1].max(initial=0) <= 16 * len(x) / bins


@pytest.mark.parametrize("power", [pytest.param(1, marks=pytest.mark.breadth), 5])
def test_bins_hold_about_the_same_weight(power: int) -> None:
    """No bin of a feature with long tails holds more than twice its part, in rows or in their weight."""
    random = np.random.default_rng(1)
    x = (random.normal(size=50_000) ** power).astype(np.float32)
    weight = random.uniform(0, 2, len(x)).astype(np.float32)
    for w in (None, weight):
        held = np.bincount(np.searchsorted(sketched(x, w), x), w, 255)
        assert held.max() < 2 * held.sum() / 255
        assert held.min() > 0


@pytest.mark.parametrize("seed", range(3))
def test_values_that_come_often_have_bins_of_their_own(seed: int) -> None:
    """Rare values fill the other bins where nearly all rows are 0, and none shares a bin with 0."""
    random = np.random.default_rng(seed)
    x = np.where(random.random(50_000) < 0.98, 0, random.normal(size=50_000)).astype(np.float32)
    bin = np.searchsorted(sketched(x, bins=64), x)
    assert len(np.unique(bin[x != 0])) > 50
    assert set(bin[x == 0]).isdisjoint(bin[x != 0])


def test_edges_lie_halfway_between_values() -> None:
    """An edge is the middle of its neighbours as long as each value has a bin."""
    values = np.array([-1e20, -3, -0.0, 1e-7, 1000, 1000.1, 1000.2, 3e8], np.float32)
    edges = sketched(np.repeat(values, 5), bins=8)
    np.testing.assert_array_equal(np.searchsorted(edges, values), range(8))
    assert edges[1] == pytest.approx(-1.5)


def test_what_xla_takes_for_zero_has_the_bin_of_zero() -> None:
    """XLA flushes numbers below 1.2e-38, so a prediction can't tell them from 0."""
    x = np.array([-2e-38, -1e-40, -0.0, 1e-40, 2e-38], np.float32)
    one = np.ones(5, np.float32)
    binning = Binning(sketched(x)[None], None, np.array([False]))
    bins = read_shard([Batch(x[:, None], one, one)], 1, binning).bins
    np.testing.assert_array_equal(bins[:, 0], [0, 1, 1, 1, 2])


CODES = {
    "days of a month": (Tree(depth=6, bins=63), 14_920_801 + np.arange(31)),
    "order numbers": (Boosting(trees=12, depth=4, bins=63, learning_rate=0.8, l2=0.0), 10_000_001 + np.arange(8)),
    "the largest whole numbers": (Forest(trees=4, depth=4, bins=63, features=1.0), 16_000_001 + np.arange(4)),
    "far below 1": (Tree(depth=6, bins=63), -1e-30 * (1 + 1e-6 * np.arange(20))),
}


@pytest.mark.parametrize("name", cases(CODES, {"order numbers", "far below 1"}))
def test_close_large_numbers_are_told_apart(name: str) -> None:
    """A label that hangs on the very code is learnt, as by scikit-learn's histogram boosting, whose error is 0."""
    options, codes = CODES[name]
    x = np.repeat(codes, 40)[:, None].astype(np.float32)
    y = np.repeat(np.arange(len(codes)), 40)
    right = HistGradientBoostingRegressor(max_iter=40, learning_rate=0.5, min_samples_leaf=1).fit(x, y)
    assert np.std(right.predict(x) - y) < 1e-3
    assert np.std(predicted(*grown(options, schema(1, ()), x, y.astype(np.float32)), x) - y) < 1e-3


def test_weights_are_added_in_the_order_of_values_and_of_rows() -> None:
    """Sums of weights have the bits of a stable sort: among equal values the earlier row comes first, NaN nowhere."""
    random = np.random.default_rng(0)
    x = random.integers(-9, 9, 4000).astype(np.float32) / 8
    x[random.random(4000) < 0.1] = np.nan
    weight = random.random(4000).astype(np.float32)
    cells = np.asarray(sketch.first_cells(1, 255))
    order = np.argsort(x, kind="stable")
    before = np.concatenate([[0.0], np.cumsum(weight[order], dtype=np.float64)])
    ends = np.searchsorted(x[order], np.append(sketch.float_of(cells[0, :-1]), np.inf))
    counts = sketch.counts(x[None], weight, cells, np.zeros(1, bool))[0]
    assert (counts == np.diff(before[ends])).all()
