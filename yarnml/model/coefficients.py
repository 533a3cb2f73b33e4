"""The coefficients of a linear model in the units of its data, from the exported arrays."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from yarnml.data.schema import Schema
from yarnml.errors import ExportError

INTERCEPT = "(intercept)"


def coefficients(arrays: Mapping[str, npt.ArrayLike], schema: Schema) -> pa.Table:
    """Return a row for the intercept and for every feature: ``feature``, ``coefficient``, ``standard_error``.

    With softmax a row for every feature and ``class``.  Scaling is undone: coefficients count in the data's own units.
    A standard error is null where the model has none, or where the data do not determine the coefficient.
    Raises ExportError for a model that is not linear.
    """
    named = {name: np.asarray(a, np.float64) for name, a in arrays.items()}
    bias: npt.NDArray[Any] = named.get("parameters/bias", np.empty(0))
    weight: npt.NDArray[Any] = named.get("parameters/weight", np.empty(0))
    if weight.shape not in ((schema.width,), (schema.width, schema.outputs)) or bias.shape != weight.shape[1:]:
        raise ExportError("Only a linear model has coefficients, one weight for each feature; this one is another.")
    back = _unscaled(named["scaling/mean"], named["scaling/factor"])
    values = back @ np.concatenate([bias[None], weight])
    errors = np.full(len(back), np.nan)
    if "parameters/covariance" in named:
        variance = np.einsum("ij,jk,ik->i", back, named["parameters/covariance"], back)
        errors = np.sqrt(np.where(variance > 0, variance, np.nan))
    features = [INTERCEPT, *schema.names]
    columns: dict[str, Any] = {"feature": features, "coefficient": values}
    if weight.ndim > 1:
        classes = [c for _ in features for c in schema.classes or ()]
        columns = {"feature": np.repeat(features, schema.outputs), "class": classes, "coefficient": values.ravel()}
        errors = np.full(values.size, np.nan)
    return pa.table(columns | {"standard_error": pa.array(errors, from_pandas=True)})


def _unscaled(mean: npt.NDArray[Any], factor: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the matrix [1 + width, 1 + width] from (bias, weight) on scaled features to those on unscaled ones."""
    back = np.diag(np.concatenate([[1.0], factor]))
    back[0, 1:] = -mean * factor
    return back
