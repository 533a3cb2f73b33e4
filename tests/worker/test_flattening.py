"""Sums that a shard learner has laid into one vector travel as that vector; all others are copied into one."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from yarnml.worker.flattening import joined

VECTOR = np.arange(12.0)


@pytest.mark.parametrize(
    ("cut", "is_whole"),
    [
        (lambda v: (v[0].reshape(()), v[1:1], v[1:].reshape(11, 1)), False),  # a number is no part of its vector
        (lambda v: (v[:1].reshape(()), v[1:1], v[1:].reshape(11, 1)), True),
        (lambda v: (v[6:], v[:6]), False),
        (lambda v: (v[:4], v[4:8]), False),
        (lambda v: (v[:6], v[6:].copy()), False),
        (lambda v: (v[:2], v[2:].reshape(2, 5).T), False),
        (lambda v: (v[::2], v[1::2]), False),
    ],
)
def test_sums_become_one_vector(cut: Callable[[Any], Any], *, is_whole: bool) -> None:
    """The vector has the numbers of the arrays in their order, and is theirs where they are all of it."""
    vector = VECTOR.copy()
    sums = cut(vector)
    total = joined(sums)
    np.testing.assert_array_equal(total, np.concatenate([np.ravel(part) for part in sums]))
    assert (total is vector) == is_whole
