"""Columns that a linear model could not use, and why not."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

CONSTANT = "constant"
EXPLAINED = "explained by the columns before it"


def left_out(factor: npt.ArrayLike, arrays: Mapping[str, Any]) -> list[str | None]:
    """The reason for each number of a row, None where it is used.

    ``factor``: of the scaling, 0 for a constant column.
    ``arrays``: of the model; those of solvers that find collinear columns have ``left_out``.
    """
    constant = np.asarray(factor) == 0
    explained = np.asarray(arrays.get("left_out", np.zeros(len(constant))), bool)
    return [CONSTANT if c else EXPLAINED if e else None for c, e in zip(constant, explained, strict=True)]
