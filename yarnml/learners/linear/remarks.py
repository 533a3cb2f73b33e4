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


def on_separation(parameters: Any, features: list[str], loss: float, *, converged: bool) -> list[str]:
    """Tell of classes that are told apart, by all columns or by some, so that coefficients grow without end.

    ``loss``: the sum over all rows.  A coefficient that grows without end has an error that grows still faster.
    """
    if 0 <= loss < ONE_ERROR:
        return [SEPARABLE]
    if converged or "covariance" not in parameters:
        return []
    weight = np.abs(parameters["weight"])
    error = np.sqrt(np.maximum(np.diagonal(parameters["covariance"])[1:], 0.0))
    endless = np.array(features)[(weight > LARGE) & (error > LARGE * weight)].tolist()
    return (
        [f"no best coefficients, since they tell some rows apart: {first_few(endless, MAX_NAMES)}; give learner.l2"]
        if endless
        else []
    )
