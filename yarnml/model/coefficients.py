"""The coefficients of a linear model in the units of its data, from the exported arrays."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from yarnml.data.left_out import left_out
from yarnml.data.offsets import all_offsets
from yarnml.data.schema import Schema
from yarnml.errors import ExportError

INTERCEPT = "(intercept)"

Vector = npt.NDArray[Any]


def coefficients(arrays: Mapping[str, npt.ArrayLike], schema: Schema, confidence: float = 0.95) -> pa.Table:
    """Return a row for the intercept and for every feature: ``feature``, ``coefficient``, and inference on it.

    ``standard_error``; ``statistic``, the coefficient over its error, t where the dispersion is estimated and z else;
    ``p_value`` of a coefficient of 0, two-sided; ``lower`` and ``upper`` end of the interval of this ``confidence``.
    They are null where the model has no errors, or where the data do not determine the coefficient.
    ``left_out`` says why a column was not used, null where it was.

    Where the label is scaled by ``data.label_scale: log``, they are those of its logarithm.
    With softmax there is a row for every feature and ``class``, of several labels for every feature and ``label``, of
    several quantiles for every feature and ``quantile``; with
    ordinal an intercept for each boundary between two classes.  Scaling is undone: coefficients count in the data's own
    units.
    Raises ExportError for a model that is not linear, and for a confidence that is none.
    """
    if not 0 < confidence < 1:
        raise ExportError(f"The confidence of an interval lies between 0 and 1, so it can't be {confidence}.")
    named = {name: np.asarray(a, np.float64) for name, a in arrays.items()}
    bias: npt.NDArray[Any] = named.get("parameters/bias", np.empty(0))
    weight: npt.NDArray[Any] = named.get("parameters/weight", np.empty(0))
    boundaries = schema.outputs - 1 if weight.ndim == 1 and bias.shape == (schema.outputs - 1,) else 0
    columns_of_weight = schema.quantiles or (schema.labels if schema.label_shape else schema.classes or ())
    is_whole = weight.shape in ((schema.width,), (schema.width, len(columns_of_weight)))
    if not is_whole or not (boundaries or bias.shape == weight.shape[1:]):
        raise ExportError("Only a linear model has coefficients, one weight for each feature; this one is another.")
    centre = named["scaling/mean"] + all_offsets(schema)
    factor = named["scaling/factor"]
    slopes = (factor * weight.T).T
    intercepts = np.reshape(bias - centre @ slopes, (-1, *weight.shape[1:]))
    values = np.concatenate([intercepts, slopes])
    errors = np.full(values.shape, np.nan)
    if "parameters/covariance" in named:
        variance = _variances(named["parameters/covariance"], centre, factor)
        errors = np.sqrt(np.where(variance > 0, variance, np.nan))
    if "scaling/label/mean" in named:
        values = values / named["scaling/label/factor"]
        values[: len(intercepts)] += named["scaling/label/mean"]
        errors = errors / named["scaling/label/factor"]
    given = {name.removeprefix("parameters/"): array for name, array in arrays.items()}
    rows = len(columns_of_weight) if weight.ndim > 1 else 1
    classes = schema.classes or ()
    edges = [f"({low}|{high})" for low, high in pairwise(classes)] if boundaries else [INTERCEPT]
    columns: dict[str, Any] = {"feature": np.repeat([*edges, *schema.names], rows)}
    if weight.ndim > 1:
        role = "quantile" if schema.quantiles else "label" if schema.label_shape else "class"
        columns[role] = [*columns_of_weight] * len(values)
    columns["coefficient"] = values.ravel()
    freedom = float(named.get("parameters/freedom", np.array(np.inf)))
    columns |= _inference(values.ravel(), errors.ravel(), freedom, confidence)
    reasons = np.repeat(np.array([*[None] * len(edges), *left_out(factor, given)], object), rows)
    return pa.table(columns | {"left_out": pa.array(reasons, pa.string())})


def _inference(values: Vector, errors: Vector, freedom: float, confidence: float) -> dict[str, pa.Array]:
    """The columns about the uncertainty of some values; ``freedom``: degrees of it, infinite for a normal law."""
    from scipy import special  # type: ignore[import-untyped]  # for inference alone, as it takes long to load

    statistic = values / errors
    chance = special.stdtr(freedom, -np.abs(statistic)) if np.isfinite(freedom) else special.ndtr(-np.abs(statistic))
    side = 0.5 + confidence / 2
    width = (special.stdtrit(freedom, side) if np.isfinite(freedom) else special.ndtri(side)) * errors
    columns = {
        "standard_error": errors,
        "statistic": statistic,
        "p_value": 2 * chance,
        "lower": values - width,
        "upper": values + width,
    }
    return {name: pa.array(column, from_pandas=True) for name, column in columns.items()}


def _variances(covariance: Vector, centre: Vector, factor: Vector) -> Vector:
    """[n]: the variances of biases and weights on unscaled features; ``covariance`` [n, n]: of those on scaled ones."""
    biases = len(covariance) - len(factor)
    rows = np.column_stack([np.eye(biases), np.tile(-centre * factor, (biases, 1))])
    of_biases = np.einsum("ij,jk,ik->i", rows, covariance, rows)
    return np.concatenate([of_biases, np.square(factor) * np.diag(covariance)[biases:]])
