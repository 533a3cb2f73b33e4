"""Quantiles by counting digits: they are those of the rows, and boosting's begin and end with them."""

from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from tests.learners.kinds import schema
from tests.learners.trees.growing import grown, halves, predicted
from yarnml.job.learners import Boosting
from yarnml.learners.trees import quantiles

NODE = np.array([0, 0, 0, 0, 1, 1, 1, 3], np.int32)
NUMBER = np.array([5.0, -2.0, 7.5, 1e6, -1e-3, -3.0, 0.0, 1e-39], np.float32)


def selected(share: float, at_zero: float, digits: int) -> Any:
    """The quantiles of the nodes of `NODE`, by so many passes over two shards."""
    selection = quantiles.begin(4)
    for _ in range(digits):
        parts = [np.s_[:3], np.s_[3:]]
        counts = [quantiles.counts(selection, NUMBER[None, p], NODE[None, p], np.ones(len(NODE[p]))) for p in parts]
        selection = quantiles.following(selection, sum(counts), np.array([share]), at_zero)
    return quantiles.quantiles_of(selection)[[0, 1, 3]]


@pytest.mark.parametrize(
    ("share", "at_zero", "expected"),
    [
        (0.5, 0, [6.25, -1e-3, 0]),
        (0.25, 0, [1.5, -3, 0]),
        (0.9, 0, [1e6, 0, 0]),
        (0.5, 1, [5, -5e-4, 0]),
        (0.2, 1, [-1, -3, 0]),
    ],
)
def test_quantiles_are_those_of_the_rows(share: float, at_zero: float, expected: list[float]) -> None:
    """All digits tell them exactly, as NumPy's with averaged steps; two to 1/256."""
    np.testing.assert_array_equal(selected(share, at_zero, quantiles.DIGITS), np.float32(expected))
    np.testing.assert_allclose(selected(share, at_zero, 2), expected, rtol=1 / 256, atol=1e-37)


@pytest.mark.long
def test_a_shift_of_the_labels_shifts_the_model() -> None:
    """Labels far from 0 have the trees of those near it, but for what float32 rounds; the share lies below."""
    x, y, _, _ = halves("diabetes")
    options = Boosting(trees=10, depth=2, objective="quantile", quantile=0.75, learning_rate=0.3)
    near = predicted(*grown(options, schema(10, ()), x, y.astype(np.float32)), x)
    far = predicted(*grown(options, schema(10, ()), x, (y + (1 << 17)).astype(np.float32)), x) - (1 << 17)
    assert np.abs(far - near).mean() < 0.02 * y.std()
    assert np.mean(y < near) == pytest.approx(0.75, abs=0.05)


@pytest.mark.long
def test_several_quantiles_are_those_of_separate_trees() -> None:
    """Side by side they have the scores, to the bit, that each has alone; predictions are these in order."""
    x, y, _, _ = halves("diabetes")
    shares = [0.2, 0.5, 0.9]
    options = Boosting(trees=5, depth=3, leaves=6, objective="quantile", quantile=shares, subsample=0.8)
    together = predicted(*grown(options, replace(schema(10, ()), quantiles=tuple(shares)), x, y.astype(np.float32)), x)
    alone = [
        predicted(*grown(replace(options, quantile=share), schema(10, ()), x, y.astype(np.float32)), x)
        for share in shares
    ]
    np.testing.assert_array_equal(together, np.sort(np.stack(alone, axis=1), axis=1))
