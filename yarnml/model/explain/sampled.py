"""Shapley values of any model: the mean effect of a feature that becomes known after others, over drawn orders.

Each order is taken forwards and backwards, so that what two features do together is shared evenly between them; where
there are no more orders than are drawn, all are taken, and values are exact.  (Štrumbelj and Kononenko, "Explaining
prediction models and individual predictions with feature contributions", 2014.)  For each row they add up to its output
less that of the baseline, whatever was drawn.
"""

import math
from collections.abc import Callable
from itertools import permutations
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def orders_of(features: int, count: int) -> list[Array]:
    """Orders of the features: ``count`` drawn ones and their reverses, or all where those are no more."""
    if features <= 12 and math.factorial(features) <= 2 * count:
        return [np.array(order) for order in permutations(range(features))]
    random = np.random.default_rng(0)
    drawn = [random.permutation(features) for _ in range(count)]
    return [order for one in drawn for order in (one, one[::-1])]


def explained(
    call: Callable[[Array], Array], x: Array, baseline: Array, features: int, count: int
) -> tuple[Array, Array]:
    """float64 [rows, features, outputs] and [outputs]: the values of rows, and the output at the baseline.

    ``call``: [rows, row_width] → [rows, outputs].  ``x`` [rows, row_width], of which the first ``features`` are such.
    ``baseline`` [features]: what a feature is before it is known.
    """
    start = x.copy()
    start[:, :features] = baseline
    first = call(start).astype(np.float64)
    orders = orders_of(features, count)
    values = np.zeros((len(x), features, first.shape[1]))
    for order in orders:
        rows = start.copy()
        before = first
        for feature in order:
            rows[:, feature] = x[:, feature]
            after = call(rows).astype(np.float64)
            values[:, feature] += after - before
            before = after
    return values / len(orders), first.mean(axis=0) if len(first) else np.zeros(first.shape[1])
