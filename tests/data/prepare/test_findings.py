"""Findings of passes over the training data: the same, to the bit, however rows are cut and parts are merged."""

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from yarnml.data.prepare.findings import MAX_BINS, Finding, Quantiles, exact_sum, quantiles, values


@settings(max_examples=30)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1), st.integers(0, 9), st.integers(0, 9))
@example([0.0, -0.0], 0, 0)
def test_findings_are_the_same_however_they_are_merged(x: list[float], first: int, second: int) -> None:
    """Sums, histograms and counts of parts of a column, merged in any order, are those of the whole column."""
    column = np.array(x)
    cuts = sorted([0, first % len(x), second % len(x), len(x)])
    parts = [column[low:high] for low, high in pairwise(cuts)]
    find: Any
    for find in (exact_sum, quantiles, lambda part: values(pa.array(part), len(x))):
        a, b, c = map(find, parts)
        whole = find(column)
        assert same_finding(a.merged(b).merged(c), whole)
        assert same_finding(c.merged(b.merged(a)), whole)


def same_finding(a: Finding, b: Finding) -> bool:
    return dict(a.counts) == dict(b.counts) if hasattr(a, "counts") else a == b


@settings(max_examples=30)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=1))
def test_means_are_exact(x: list[float]) -> None:
    """The mean is rounded once, from a sum that loses nothing."""
    assert exact_sum(np.array(x)).mean == pytest.approx(math.fsum(x) / len(x), rel=1e-15, abs=1e-300)
    assert exact_sum(np.array([1e300, 1.0, -1e300, 1.0])).mean == 0.5


def test_quantiles_of_few_numbers_are_exact() -> None:
    """Quantiles of as many different numbers as there are bins are those of numpy."""
    x = np.random.default_rng(0).normal(size=(9, MAX_BINS // 9)).astype(np.float64)
    shares = [0.0, 0.1, 0.25, 0.5, 0.9, 1.0]
    histogram = quantiles(x.ravel())
    assert histogram.shift == 0
    np.testing.assert_allclose(histogram.at(shares), np.quantile(x, shares), rtol=1e-14)


def test_quantiles_of_many_numbers_are_close_and_the_same_in_any_order() -> None:
    """With more numbers neighbours are joined: quantiles keep three digits, and any order of merging gives the same."""
    x = np.random.default_rng(0).lognormal(size=100_000)
    parts = [quantiles(part) for part in np.array_split(x, [10, 20_000, 20_001, 70_000])]
    forwards = joined(parts)
    backwards = joined(parts[::-1])
    assert forwards == backwards == quantiles(x)
    assert len(forwards.runs) // 8 <= MAX_BINS
    np.testing.assert_allclose(forwards.at([0.01, 0.5, 0.99]), np.quantile(x, [0.01, 0.5, 0.99]), rtol=2e-3)


def joined(parts: list[Quantiles]) -> Quantiles:
    total = parts[0]
    for part in parts[1:]:
        total = total.merged(part)
    return total


def test_values_are_bounded() -> None:
    """However many different values there are, what travels holds one more than are wanted, and says so."""
    total = values(pa.array(range(100)), 10).merged(values(pa.array(range(50, 200)), 10))
    assert total.too_many
    assert len(total.counts) == 11
    assert not values(pa.array([1, 2, None, 1]), 2).too_many
