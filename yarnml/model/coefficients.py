"""The coefficients of a linear model in the units of its data, from the exported arrays."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from yarnml.data.left_out import left_out
from yarnml.data.offsets import all_offsets
from yarnml.data.schema import Schema
from yarnml.errors import ExportError

INTERCEPT = "(intercept)"


def coefficients(arrays: Mapping[str, npt.ArrayLike], schema: Schema) -> pa.Table:
    """Return a row for the intercept and for every feature: ``feature``, ``coefficient``, ``standard_error``.

    ``left_out`` says why a column was not used, null where it was.

    Where the label is scaled by ``data.label_scale: log``, they are those of its logarithm.
    With softmax a row for every feature and ``class``.  Scaling is undone: coefficients count in the data's own units.
    A standard error is null where the model has none, or where the data do not determine the coefficient.
    Raises ExportError for a model that is not linear.
    """
    named = {name: np.asarray(a, np.float64) for name, a in arrays.items()}
    bias: npt.NDArray[Any] = named.get("parameters/bias", np.empty(0))
    weight: npt.NDArray[Any] = named.get("parameters/weight", np.empty(0))
    if weight.shape not in ((schema.width,), (schema.width, schema.outputs)) or bias.shape != weight.shape[1:]:
        raise ExportError("Only a linear model has coefficients, one weight for each feature; this one is another.")
    centre = named["scaling/mean"] + all_offsets(schema)
    factor = named["scaling/factor"]
    slopes = (factor * weight.T).T
    values = np.concatenate([(bias - centre @ slopes)[None], slopes])
    errors = np.full(len(values), np.nan)
    if "parameters/covariance" in named:
        variance = _variances(named["parameters/covariance"], centre, factor)
        errors = np.sqrt(np.where(variance > 0, variance, np.nan))
    if "scaling/label/mean" in named:
        values = values / named["scaling/label/factor"]
        values[0] += named["scaling/label/mean"]
        errors = errors / named["scaling/label/factor"]
    features = [INTERCEPT, *schema.names]
    given = {name.removeprefix("parameters/"): array for name, array in arrays.items()}
    reasons = [None, *left_out(factor, given)]
    columns: dict[str, Any] = {"feature": features, "coefficient": values}
    if weight.ndim > 1:
        classes = [c for _ in features for c in schema.classes or ()]
        columns = {"feature": np.repeat(features, schema.outputs), "class": classes, "coefficient": values.ravel()}
        errors = np.full(values.size, np.nan)
        reasons = [reason for reason in reasons for _ in range(schema.outputs)]
    columns["standard_error"] = pa.array(errors, from_pandas=True)
    return pa.table(columns | {"left_out": pa.array(reasons, pa.string())})


def _variances(covariance: npt.NDArray[Any], centre: npt.NDArray[Any], factor: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """[1 + width]: the variances of (bias, weight) on unscaled features; ``covariance``: of those on scaled ones."""
    bias = np.concatenate([[1.0], -centre * factor])
    return np.concatenate([[bias @ covariance @ bias], np.square(factor) * np.diag(covariance)[1:]])
