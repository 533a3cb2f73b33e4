"""Feature scaling: x → (x - mean) · factor, fitted by sums over the training rows."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from yarnml.data import label_scaling
from yarnml.data.arrays import Array, Places
from yarnml.data.label_scaling import LabelScaling
from yarnml.data.schema import Rows, Schema
from yarnml.errors import DataError

CANCELLED = 2.0**-40
"""Of the square of a mean: rounding may make up so much of a variance that is a difference of sums."""

CONSTANT = 2.0**-90
"""Of the square of a mean: less than the variance of one value that float32 tells from 2^40 equal ones."""


class Scaling(NamedTuple):
    """Subtract ``mean``, then multiply by ``factor``; float32 [width] each.

    ``label``: that of the label, None where it is not scaled.
    """

    mean: npt.NDArray[np.float32]
    factor: npt.NDArray[np.float32]
    label: LabelScaling | None = None


def identity(width: int) -> Scaling:
    """The scaling that leaves the features as they are."""
    return Scaling(np.zeros(width, np.float32), np.ones(width, np.float32))


def identity_of(schema: Schema) -> Scaling:
    """The scaling of these columns that changes nothing, in the form of the fitted one."""
    label = None if schema.label_scale == "none" else label_scaling.identity(schema.label_shape)
    return identity(schema.width)._replace(label=label)


def scaling_from(earlier: Scaling, places: Places, fitted: Scaling) -> Scaling:
    """The scaling of an earlier training at these places [width], and a fitted one where there is -1."""
    at = np.maximum(places, 0)
    mean, factor = (np.where(places < 0, new, old[at]) for new, old in zip(fitted[:2], earlier[:2], strict=True))
    return Scaling(mean, factor, earlier.label)


def label_of(scaling: Scaling | None) -> LabelScaling | None:
    """The scaling of the label; None where it is not scaled."""
    return scaling.label if scaling else None


def neutral(scaling: Scaling) -> bool:
    """Tell whether a scaling changes nothing."""
    return scaling.label is None and not scaling.mean.any() and bool((scaling.factor == 1).all())


def unless_neutral(scaling: Scaling) -> Scaling | None:
    """None for a scaling that changes nothing: compiled functions then leave its arithmetic out."""
    return None if neutral(scaling) else scaling


def scaled(x: Any, scaling: Scaling | None, module: Any = np) -> Any:
    """Scale an array of ``module``, NumPy or JAX's, [rows, row_width]; without a scaling it stays as it is.

    An offset counts in the units of the label, so it gets the label's factor.
    """
    if scaling is None:
        return x
    width = scaling.mean.shape[0]
    features = (x[:, :width] - scaling.mean) * scaling.factor
    if x.shape[1] == width:
        return features
    factor = scaling.label.factor if scaling.label else np.float32(1)
    return module.concatenate([features, x[:, width:] * factor], axis=1)


def moments(rows: Rows, centre: Array | float = 0.0) -> Array:
    """Sums over the rows: weight, then weighted x - centre and its square by column; float64 [1 + 2·width]."""
    x = rows.x.astype(np.float64) - centre
    weight = rows.weight.astype(np.float64)[:, None]
    with np.errstate(invalid="ignore"):  # NaN and infinity are reported by name in `standard`
        first = weight * x  # not weight @ x: BLAS adds in an order that depends on the number of threads
        return np.concatenate([weight.sum(axis=0), first.sum(axis=0), (first * x).sum(axis=0)])


def mean_of(total: Array, centre: Array | float = 0.0) -> Array:
    """The mean of every column, from the `moments` of all training rows around ``centre``."""
    return centre + _means(total)[0]


def is_cancelled(total: Array) -> bool:
    """Tell whether the squares of some column nearly cancel, so that the moments must be taken again around its mean.

    That is rare: rows are counted from offsets within the data, and a constant column is nothing but zeros then.
    """
    first, second = _means(total)
    return bool((_variance(first, second) < CANCELLED * np.square(first)).any())


def standard(total: Array, schema: Schema, centre: Array | float = 0.0) -> Scaling:
    """Fit a scaling to mean 0 and variance 1 over the training rows; a constant column becomes 0, ids stay as they are.

    ``total``: the `moments` of all training rows around ``centre``; around 0 a column that `is_cancelled` is constant.
    """
    owners = [f.name for f in schema.features for _ in range(f.width)]
    is_id = np.repeat([f.ids > 0 for f in schema.features], [f.width for f in schema.features])
    first, second = _means(total)
    for name, value in zip(owners, second, strict=True):
        if not np.isfinite(value):
            raise DataError(f"Column '{name}' of the training data holds NaN or infinity; clean or drop these rows.")
    mean = centre + first
    variance = _variance(first, second)
    rounding = CONSTANT if np.any(centre) else CANCELLED
    constant = variance <= rounding * np.square(mean)
    factor = np.where(constant, 0.0, 1.0 / np.sqrt(np.where(constant, 1.0, variance)))
    mean = np.where(is_id, 0.0, mean)
    factor = np.where(is_id, 1.0, factor)
    return Scaling(mean.astype(np.float32), np.minimum(factor, np.finfo(np.float32).max).astype(np.float32))


def _means(total: Array) -> tuple[Array, Array]:
    """The weighted means of x - centre and of its square, by column; DataError where no row has a weight."""
    if not total[0] > 0:
        raise DataError("The weights of the training rows add up to 0; the scaling can't be fitted.")
    first, second = np.split(total[1:] / total[0], 2)
    return first, second


def _variance(first: Array, second: Array) -> Array:
    with np.errstate(invalid="ignore"):  # of what is not finite there is none
        return np.maximum(second - np.square(first), 0.0)
