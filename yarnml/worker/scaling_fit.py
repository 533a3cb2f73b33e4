"""The scalings of features and label, fitted by sums over all training rows."""

from collections.abc import Callable
from functools import partial

from yarnml.data.arrays import Array
from yarnml.data.label_scaling import fitted, label_moments
from yarnml.data.scaling import Scaling, identity, is_cancelled, mean_of, moments, standard
from yarnml.data.schema import Rows, Schema
from yarnml.reduce.tree import Vector
from yarnml.worker.full_pass import BatchSum

SumRows = Callable[[BatchSum, int], Vector]
"""(a sum over the rows of one batch, the number of sums before it) → the sum over all rows."""


def fit_scaling(schema: Schema, sum_rows: SumRows, *, features: bool) -> Scaling:
    """The scaling of these columns; ``features``: whether they are scaled, and not the label alone."""
    scaling = _of_features(schema, sum_rows) if features else identity(schema.width)
    if schema.label_scale == "none":
        return scaling
    return scaling._replace(label=fitted(sum_rows(partial(label_moments, schema=schema), 2), schema))


def _of_features(schema: Schema, sum_rows: SumRows) -> Scaling:
    def features_moments(rows: Rows, centre: Array | float = 0.0) -> Array:
        return moments(rows._replace(x=rows.x[:, : schema.width]), centre)

    total = sum_rows(features_moments, 0)
    if not is_cancelled(total):
        return standard(total, schema)
    centre = mean_of(total)
    return standard(sum_rows(partial(features_moments, centre=centre), 1), schema, centre)
