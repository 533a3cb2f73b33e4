"""Scaling of a number label: y → (y - mean) · factor, of its logarithm where the job asks, fitted on the training rows.

A learner sees scaled labels alone; what it predicts is brought back to the label's units, here and in exported models.
"""

from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from yarnml.data.arrays import Array
from yarnml.data.schema import Rows, Schema
from yarnml.errors import DataError

LabelScale = Literal["none", "standard", "log"]


class LabelScaling(NamedTuple):
    """Subtract ``mean``, then multiply by ``factor``; float32 [] each, of several labels [labels]."""

    mean: npt.NDArray[np.float32]
    factor: npt.NDArray[np.float32]


def identity(shape: tuple[int, ...] = ()) -> LabelScaling:
    """The scaling that changes nothing, of labels of a shape."""
    return LabelScaling(np.zeros(shape, np.float32), np.ones(shape, np.float32))


def scaled_label(y: Any, scaling: LabelScaling | None, kind: LabelScale, module: Any = np) -> Any:
    """Scale labels, an array of ``module``, NumPy or JAX's; a label of padding may be 0.  None: they stay."""
    if scaling is None:
        return y
    if kind == "log":
        y = module.log(module.where(y > 0, y, 1.0).astype(np.float32))
    return (y - scaling.mean) * scaling.factor


def in_label_units(outputs: Any, scaling: LabelScaling | None, kind: LabelScale, module: Any = np) -> Any:
    """Bring predictions of a scaled label back to its own units."""
    if scaling is None:
        return outputs
    values = outputs / scaling.factor + scaling.mean
    return module.exp(values) if kind == "log" else values


def loss_in_label_units(loss: Any, scaling: LabelScaling | None, kind: LabelScale, degree: int) -> Any:
    """Bring losses that grow with the error's power ``degree`` back to the label's units.

    Those of logarithms stay, and so do those of several labels, whose units differ.
    """
    if scaling is None or kind != "standard" or scaling.factor.ndim:
        return loss
    return loss / (scaling.factor**degree).astype(loss.dtype)


def check_labels(rows: Rows, schema: Schema) -> None:
    """Refuse a label that has no logarithm, where it shall be taken; raises DataError."""
    if schema.label_scale != "log":
        return
    y = rows.y[rows.weight > 0].reshape(-1, len(schema.labels))
    for name, column in zip(schema.labels, y.T, strict=True):
        _check_above_zero(column, name)


def as_learnt(y: npt.NDArray[np.float64], name: str, kind: LabelScale) -> npt.NDArray[np.float64]:
    """A label as the learner sees it, but for its mean and its unit; DataError where it has no logarithm."""
    if kind == "log":
        _check_above_zero(y, name)
    return _measured(y, kind)


def _check_above_zero(y: Array, name: str) -> None:
    if (y <= 0).any():
        raise DataError(
            f"Label '{name}' holds {y.min():g}, but data.label_scale log needs numbers above 0; drop or repair "
            "these rows, or choose standard."
        )


def label_moments(rows: Rows, schema: Schema) -> Array:
    """Sums over the rows: weight, then weighted distances of the labels from their centre, and their squares.

    [1 + 2 · labels]: the distances of all labels come before the squares.
    """
    check_labels(rows, schema)
    distance = _measured(rows.y, schema.label_scale) - centre_of(schema)
    weight = rows.weight.astype(np.float64)
    first = distance * (weight[:, None] if schema.label_shape else weight)
    return np.concatenate(
        [[weight.sum()], np.atleast_1d(first.sum(axis=0)), np.atleast_1d((first * distance).sum(axis=0))]
    )


def fitted(total: Array, schema: Schema) -> LabelScaling:
    """The scaling to mean 0 and variance 1, from the moments of all training rows; a constant keeps its unit."""
    weight = float(total[0])
    if not weight > 0:
        raise DataError("The weights of the training rows add up to 0; the label's scaling can't be fitted.")
    mean, square = (total[1:] / weight).reshape(2, *schema.label_shape)
    variance = np.maximum(square - mean * mean, 0.0)
    is_constant = variance <= 1e-12 * np.maximum(square, 1e-30)
    factor = np.where(is_constant, 1.0, np.where(is_constant, 1.0, variance) ** -0.5)
    return LabelScaling(np.asarray(centre_of(schema) + mean, np.float32), np.asarray(factor, np.float32))


def _measured(y: Array, kind: LabelScale) -> Array:
    values = y.astype(np.float64)
    return np.log(np.where(values > 0, values, 1.0)) if kind == "log" else values


def centre_of(schema: Schema) -> Array:
    """The middle of the labels as the learner counts them, from which their distances are taken."""
    return _measured(np.array(schema.centre), schema.label_scale)
