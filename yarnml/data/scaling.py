"""Feature scaling: x → (x - mean) · factor, fitted by sums over the training rows."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from yarnml.data.arrays import Array
from yarnml.data.schema import Rows, Schema
from yarnml.errors import DataError


class Scaling(NamedTuple):
    """Subtract ``mean``, then multiply by ``factor``; float32 [width] each."""

    mean: npt.NDArray[np.float32]
    factor: npt.NDArray[np.float32]


def identity(width: int) -> Scaling:
    """The scaling that changes nothing."""
    return Scaling(np.zeros(width, np.float32), np.ones(width, np.float32))


def neutral(scaling: Scaling) -> bool:
    """Tell whether a scaling changes nothing."""
    return not scaling.mean.any() and bool((scaling.factor == 1).all())


def scaled(x: Any, scaling: Scaling | None) -> Any:
    """Scale an array of NumPy's or JAX's [rows, width]; without a scaling it stays as it is."""
    return x if scaling is None else (x - scaling.mean) * scaling.factor


def moments(rows: Rows) -> Array:
    """Sums over the rows: weight, then weighted x and x² by column; float64 [1 + 2·width]."""
    x = rows.x.astype(np.float64)
    weight = rows.weight.astype(np.float64)[:, None]
    with np.errstate(invalid="ignore"):  # NaN and infinity are reported by name in `standard`
        first = weight * x  # not weight @ x: BLAS adds in an order that depends on the number of threads
        return np.concatenate([weight.sum(axis=0), first.sum(axis=0), (first * x).sum(axis=0)])


def standard(total: Array, schema: Schema) -> Scaling:
    """Fit a scaling to mean 0 and variance 1 over the training rows; a constant column becomes 0.

    ``total``: the `moments` of all training rows.
    """
    weight = total[0]
    first, second = np.split(total[1:], 2)
    if not weight > 0:
        raise DataError("The weights of the training rows add up to 0; the scaling can't be fitted.")
    owners = [f.name for f in schema.features for _ in range(f.width)]
    for name, value in zip(owners, second, strict=True):
        if not np.isfinite(value):
            raise DataError(f"Column '{name}' of the training data holds NaN or infinity; clean or drop these rows.")
    mean = first / weight
    variance = np.maximum(second / weight - np.square(mean), 0.0)
    # A constant column has a variance of rounding errors, which are relative to the square of its mean.
    constant = variance <= 1e-12 * np.maximum(np.square(mean), 1e-30)
    factor = np.where(constant, 0.0, 1.0 / np.sqrt(np.where(constant, 1.0, variance)))
    return Scaling(mean.astype(np.float32), factor.astype(np.float32))
