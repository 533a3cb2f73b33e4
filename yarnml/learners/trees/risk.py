"""The risk that is left at each time: that of all rows that come so far (Cox, 1972; equal times by Breslow, 1974)."""

from typing import NamedTuple

import numpy as np

from yarnml.data.arrays import Array


class Risk(NamedTuple):
    """Rows by their times.

    ``order`` [rows]: their places, the earliest first; the other arrays are in this order.
    ``hazard``: of each, its weight times its relative risk; ``left``: of all that are there at its time.
    ``largest``: score, by whose risk hazards are divided, so that none is too large.
    """

    order: Array
    time: Array
    hazard: Array
    left: Array
    largest: float


def risk_of(weight: Array, score: Array, label: Array) -> Risk:
    """The risk of rows with these scores, float64 [rows].  A label is a time, negative where nothing happened there."""
    order = np.argsort(np.abs(label), kind="stable")
    time = np.abs(label[order])
    largest = score.max(initial=-np.inf)
    hazard = weight[order] * np.exp(score[order] - largest)
    left = np.cumsum(hazard[::-1])[::-1][np.searchsorted(time, time)]
    return Risk(order, time, hazard, left, float(largest))
