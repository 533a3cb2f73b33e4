"""The two kernels that put values into bins and count rows in them."""

import numpy as np
import pytest

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
