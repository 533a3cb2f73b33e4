"""The two kernels that put values into bins and count rows in them."""

import numpy as np
import pytest

from yarnml.learners.trees import sketch
from yarnml.learners.trees.kernels import NUMPY, WORD, kernels
from yarnml.learners.trees.kernels_in_numba import GROUP


@pytest.mark.parametrize("channels", [2, 4])
def test_numba_and_numpy_have_the_same_bits(channels: int) -> None:
    """Values get the same bins, rows go the same way in the same order, and sums are added up in it, by both."""
    pytest.importorskip("numba")
    random = np.random.default_rng(0)
    values = np.append(random.integers(-9, 9, 998), [np.nan, -0.0]).astype(np.float32)
    edges = np.array([-7.5, -2, 0, 0.5, 3, 4.5, sketch.LARGEST], np.float32)
    bins = random.integers(0, 17, (1000, 2 * WORD)).astype(np.uint8)
    stats = random.normal(size=(1000, channels)).astype(np.float32)
    node = random.integers(0, 3, 1000).astype(np.int32)
    split = np.array([6, -1, 1, 2, -1], np.int32), np.array([3, 9, 7, 2, 0], np.int32), np.arange(5) == 0
    child = np.array([3, 0, 3, 1, 0], np.int32)
    place = np.array([1, -1, 0, -1, 2], np.int32)
    features = np.array([[0, 3], [2, 6], [1, 5]], np.int32)
    sets = np.array([[0], [0], [0b1011000110], [0], [0]], np.uint32)
    categorical = np.array([False, True, False, False, False, False, False])
    model = []
    for kernel in (NUMPY, kernels()):
        bin = np.zeros(1000, np.uint8)
        way = node.copy()
        order = np.zeros(1000, np.uint32)
        ends = np.zeros(3, np.int64)
        sums = np.zeros((2, 2 * GROUP, 17, channels))
        few = np.zeros((3, 2, 17, channels))
        kernel.bin(values, edges, bin)
        kernel.route(bins, *split, child, sets, categorical, 16, 2, way)
        kernel.sort(way, place, ends, order)
        begin = ends - np.diff(ends, prepend=0)
        kernel.histograms(bins, order, begin[[2, 0]], ends[[2, 0]], stats, sums)
        kernel.few_histograms(bins, order, begin, ends, features, stats, few)
        model.append((bin, way, order, ends, sums, few))
    assert kernels() is not NUMPY
    for ours, expected in zip(*model, strict=True):
        assert ours.tobytes() == expected.tobytes()
    bin, way, _, _, sums, few = model[0]
    np.testing.assert_array_equal(bin, np.where(np.isnan(values), len(edges), (values[:, None] > edges).sum(axis=1)))
    assert set(way) == {1, 2, 4}, "rows go down two levels, as far as there are any"
    np.testing.assert_allclose(sums[0, 5].sum(axis=0), stats[way == 4].sum(axis=0), rtol=1e-4)
    for j, rows in enumerate([way == 2, way == 0, way == 4]):
        np.testing.assert_allclose(few[j].sum(axis=1), np.tile(stats[rows].sum(axis=0), (2, 1)), rtol=1e-4)


@pytest.mark.parametrize("bounded", [False, True])
@pytest.mark.parametrize("outputs", [1, 3])
def test_both_find_the_same_splits(outputs: int, *, bounded: bool) -> None:
    """The best place of every node is the same, with the same gain to the bit, also where bins are empty or missing."""
    pytest.importorskip("numba")
    random = np.random.default_rng(outputs)
    nodes = 40
    features = 7
    bins = 20
    filled = random.random((nodes, features, bins + 1, 1)) < 0.4
    filled[:, ::2, -1] = False  # nothing is missing
    gradients = random.normal(size=(nodes, features, bins + 1, outputs))
    sums = filled * np.concatenate([gradients, random.random((nodes, features, bins + 1, 1))], axis=-1)
    total = sums[:, 0].sum(axis=1).T.copy()
    first = random.integers(0, 3, (nodes, features)).astype(np.int32)
    last = np.where(random.random((nodes, features)) < 0.8, bins, 0).astype(np.int32)
    trend = random.integers(-1, 2, (nodes, features)).astype(np.float32)
    bounds = np.sort(random.normal(size=(2, nodes)), axis=0)
    splits = []
    for kernel in (NUMPY, kernels()):
        out = np.zeros(nodes, np.int32), np.zeros(nodes, np.int32), np.zeros(nodes, bool), np.zeros(nodes)
        kernel.search(sums, total, np.full((nodes, features), 0.5), first, last, trend, bounds, bounded, 0.1, *out)
        splits.append(out)
    for ours, expected in zip(*splits, strict=True):
        assert ours.tobytes() == expected.tobytes()
    assert np.isfinite(splits[0][3]).sum() > nodes / 2
    assert len(set(splits[0][0])) > 3
