"""Remarks on a fitted linear model: columns that were not used, and coefficients that have no best value."""

import math
from typing import Any

import numpy as np

from yarnml.data.left_out import CONSTANT, EXPLAINED, left_out
from yarnml.events.text import first_few

ONE_ERROR = math.log(2)
"""The least loss of all rows together if one of them lies on the wrong side."""
SEPARABLE = "no best coefficients: a plane tells the classes apart without an error; give learner.l2"
LARGE = 5.0
"""A coefficient of a scaled feature, and its error as a multiple of it, beyond which it may well go on for ever."""
LARGE_CONDITION = 1000.0
"""The ratio of the longest to the shortest axis of the estimates' errors, each in its own unit, that is warned of."""
CLOSE = 0.99
"""The correlation of two estimates that are of columns which explain each other."""
MAX_NAMES = 10
"""The most columns that a remark names."""


def on_columns(parameters: Any, features: list[str], factor: Any) -> list[str]:
    """Name the columns that were not used, by reason."""
    reasons = left_out(factor, parameters)
    names = {reason: [f for f, why in zip(features, reasons, strict=True) if why == reason] for reason in reasons}
    return [
        f"left out, {reason}: {first_few(names[reason], MAX_NAMES)}"
        for reason in (CONSTANT, EXPLAINED)
        if reason in names
    ]


def on_collinearity(inverse: Any, features: list[str]) -> list[str]:
    """Tell of columns that nearly explain each other, by the inverse [width, width] of the curvature of weights."""
    used = np.diagonal(inverse) > 0
    estimates = inverse[np.ix_(used, used)]
    if not len(estimates):
        return []
    deviation = np.sqrt(np.diagonal(estimates))
    correlation = estimates / np.outer(deviation, deviation)
    values = np.linalg.eigvalsh(correlation)
    condition = math.sqrt(values[-1] / max(values[0], values[-1] * np.finfo(np.float64).eps))
    if condition < LARGE_CONDITION:
        return []
    close = (np.abs(correlation) > CLOSE) & ~np.eye(len(correlation), dtype=bool)
    names = np.array(features)[used][close.any(axis=1)].tolist()
    which = f": {first_few(names, MAX_NAMES)}" if names else ""
    return [
        "columns that nearly explain each other have coefficients of few digits, condition number "
        f"{condition:,.0f}{which}; leave some out, or give learner.l2"
    ]


def on_separation(weight: Any, error: Any, features: list[str], loss: float, *, converged: bool) -> list[str]:
    """Tell of classes that are told apart, by all columns or by some, so that coefficients grow without end.

    ``weight`` [width] or [width, classes]; ``error`` [width]: by Fisher's information, None where it is not known.  A
    coefficient that grows without end has an error that grows still faster.
    ``loss``: the sum over all rows.
    """
    if 0 <= loss < ONE_ERROR:
        return [SEPARABLE]
    if converged or error is None:
        return []
    size = np.abs(weight)
    endless = np.array(features)[(size > LARGE) & (error > LARGE * size)].tolist()
    return (
        [f"no best coefficients, since they tell some rows apart: {first_few(endless, MAX_NAMES)}; give learner.l2"]
        if endless
        else []
    )
