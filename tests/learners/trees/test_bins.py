"""Bins of features, and the two kernels that count rows in them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.learners.trees.growing import Array
from yarnml.learners.trees import sketch
from yarnml.learners.trees.kernels import GROUP, NUMPY, WORD, kernels


@pytest.mark.parametrize("channels", [2, 4])
def test_numba_and_numpy_have_the_same_bits(channels: int) -> None:
    """Values get the same bins, rows go the same way in the same order, and sums are added up in it, by both."""
    pytest.importorskip("numba")
    random = np.random.default_rng(0)
    values = np.append(random.integers(-9, 9, 998), [np.nan, -0.0]).astype(np.float32)
    edges = np.array([-7.5, -2, 0, 0.5, 3, 4.5, sketch.LARGEST], np.float32)
    bins = random.integers(0, 17, (1000, 2 * WORD)).astype(np.uint8)
    stats = random.normal(size=(1000, channels)).astype(np.float32)
    node = random.integers(0, 3, 1000).astype(np.int16)
    split = np.array([6, -1, 1], np.int32), np.array([3, 9, 7], np.int32), np.array([True, False, False])
    equal = np.array([False, True, False, False, False, False, False])
    model = []
    for kernel in (NUMPY, kernels()):
        bin = np.zeros(1000, np.uint8)
        way = np.zeros(1000, np.int16)
        order = np.zeros(1000, np.uint32)
        ends = np.zeros(3, np.int64)
        sums = np.zeros((2, 2 * GROUP, 17, channels))
        kernel.bin(values, edges, bin)
        kernel.route(bins, node, *split, equal, 16, way)
        kernel.sort(node, ends, order)
        kernel.histograms(bins, order, ends[[1, 0]], ends[[2, 1]], stats, sums)
        model.append((bin, way, order, ends, sums))
    assert kernels() is not NUMPY
    for ours, expected in zip(*model, strict=True):
        assert ours.tobytes() == expected.tobytes()
    bin, way, order, ends, sums = model[0]
    np.testing.assert_array_equal(bin, np.where(np.isnan(values), len(edges), (values[:, None] > edges).sum(axis=1)))
    assert set(way) == {0, 1, 2, 4, 5}, "a node without a split sends all rows left"
    np.testing.assert_allclose(sums[0, 5].sum(axis=0), stats[node == 2].sum(axis=0), rtol=1e-4)


REFINE = jax.jit(sketch.refine)
EDGES = jax.jit(sketch.edges, static_argnums=2)


def sketched(x: Array, weight: Array | None = None, bins: int = 255) -> Array:
    """The edges of one feature's bins."""
    cells, weight = sketch.first_cells(1), np.ones(len(x), np.float32) if weight is None else weight
    for _ in range(sketch.PASSES):
        before = cells
        counts = jnp.asarray(sketch.counts(x[None], weight, np.asarray(cells)), jnp.float32)
        cells = REFINE(cells, counts)
    return np.asarray(EDGES(before, counts, bins)[0])


@pytest.mark.parametrize("power", [1, 5])
def test_bins_hold_about_the_same_weight(power: int) -> None:
    """No bin of a feature with long tails holds more than twice its part, in rows or in their weight."""
    random = np.random.default_rng(1)
    x = (random.normal(size=50_000) ** power).astype(np.float32)
    weight = random.uniform(0, 2, len(x)).astype(np.float32)
    for w in (None, weight):
        held = np.bincount(np.searchsorted(sketched(x, w), x), w, 255)
        assert held.max() < 2 * held.sum() / 255
        assert held.min() > 0


def test_values_that_come_often_have_bins_of_their_own() -> None:
    """Rare values fill most bins where nearly all rows are 0; few different values have a bin each."""
    random = np.random.default_rng(2)
    x = np.where(random.random(50_000) < 0.98, 0, random.normal(size=50_000)).astype(np.float32)
    bin = np.searchsorted(sketched(x, bins=64), x)
    assert len(np.unique(bin[x != 0])) > 50
    assert (bin[x == 0] == bin[x == 0][0]).all()
    values = np.array([-1e20, -3, -0.0, 1e-7, 1000, 1000.1, 1000.2, 3e8], np.float32)
    edges = sketched(np.repeat(values, 5), bins=8)
    np.testing.assert_array_equal(np.searchsorted(edges, values), range(8))
    assert edges[1] == pytest.approx(-1.5, abs=0.1), "halfway between neighbours"
