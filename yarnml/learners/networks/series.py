"""Series in the features of a row: which numbers belong to which series and step, and networks that see them so.

Predictions begin at the last value, as in Zeng, Chen, Zhang and Xu, "Are Transformers Effective for Time Series
Forecasting?", AAAI 2023: a network that sees differences from it need not have seen a series as high as this one.
Beside it is an autoregression, as in Lai, Chang, Yang and Liu, "Modeling Long- and Short-Term Temporal Patterns with
Deep Neural Networks", SIGIR 2018: few rows teach that sooner.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from yarnml.data.schema import Schema
from yarnml.errors import JobFileError
from yarnml.job.learners import Recurrent, Transformer
from yarnml.learners.base import Key
from yarnml.learners.gradient import usual_l2
from yarnml.learners.networks.network import Between, Layers, unchanged


class Series:
    """The ``count`` series of a row, ``steps`` long.

    With ``data.shape: [steps, series]`` they lie beside each other, all numbers of the first step first.  Without it
    every column is a list, a series.
    """

    def __init__(self, schema: Schema, kind: str) -> None:
        shape = schema.shape
        if shape is not None and len(shape) != 2:
            raise JobFileError(f"learner.kind {kind} needs data.shape: [steps, features], found {list(shape)}.")
        lengths = {feature.width for feature in schema.features}
        if shape is None and (len(lengths) > 1 or lengths == {1}):
            columns = (
                "columns of one number" if lengths == {1} else f"lists of {min(lengths)} and {max(lengths)} numbers"
            )
            raise JobFileError(
                f"learner.kind {kind} needs data.shape: [steps, features], or columns that are series, lists of one "
                f"length; found {columns}."
            )
        self._is_by_column = shape is None
        self.steps, self.count = shape or (lengths.pop(), len(schema.features))

    def of(self, x: jax.Array) -> jax.Array:
        """The numbers of rows by step and series: x [rows, *shape] → [rows, steps, series]."""
        if self._is_by_column:
            return jnp.swapaxes(x.reshape(-1, self.count, self.steps), 1, 2)
        return x.reshape(-1, self.steps, self.count)


class SeriesLayers:
    """Layers that see the series of a row: x [rows, *shape] → [rows, head.width].

    ``layers``: their x is [rows, steps, series].
    """

    def __init__(self, layers: Layers, series: Series) -> None:
        self.init = layers.init
        self._layers = layers
        self._series = series

    def outputs(self, parameters: Any, x: jax.Array, between: Between = unchanged) -> jax.Array:
        return self._layers.outputs(parameters, self._series.of(x), between)


class NextValues:
    """The next values of series: the last one, and the change from it, an autoregression plus what layers find.

    Both see by how much each step differs from the last, and the autoregression the last one itself, since a series may
    be drawn back to its mean, and has no penalty.  They begin at 0, so that the first prediction is the last value.

    ``layers``: see `SeriesLayers`.  ``owners`` [labels]: the number of the series that each label is of.
    """

    def __init__(self, layers: Layers, series: Series, owners: npt.NDArray[np.int64]) -> None:
        self._layers = layers
        self._series = series
        self._owners = owners

    def init(self, key: Key) -> Any:
        parameters = self._layers.init(key)
        *hidden, last = parameters["dense"]
        last = last | {"weight": jnp.zeros_like(last["weight"])}
        autoregression = jnp.zeros((self._series.steps, len(self._owners)))
        return parameters | {"dense": [*hidden, last], "autoregression": autoregression}

    def outputs(self, parameters: Any, x: jax.Array, between: Between = unchanged) -> jax.Array:
        x = self._series.of(x)
        last = x[:, -1:]
        steps = x - last
        changes = self._layers.outputs(parameters, steps, between)
        own = jnp.concatenate([steps[:, :-1], last], axis=1)[:, :, self._owners]
        return last[:, 0, self._owners] + jnp.sum(own * parameters["autoregression"], axis=1) + changes


def with_prior(options: Recurrent | Transformer, series: Series, schema: Schema) -> Recurrent | Transformer:
    """The options with the usual ``l2``, where it is not given: that of `usual_l2` with a horizon, else 0.

    A row and the next one have all numbers but one in common, so they count as the windows that do not overlap.
    """
    if options.l2 is not None:
        return options
    overlapping = series.steps + options.horizon if options.horizon else 0
    return replace(options, l2=usual_l2(schema.rows / overlapping) if overlapping else 0.0)


def over_series(layers: Layers, series: Series, horizon: int | None, schema: Schema) -> Layers:
    """Layers that see the series of a row, whose labels are the next ``horizon`` values of one or more, if it is given.

    Raises JobFileError where the labels are none.
    """
    if horizon is None:
        return SeriesLayers(layers, series)
    if schema.label_type != "number":
        raise JobFileError(
            f"learner.horizon predicts numbers, but '{schema.labels[0]}' is a class label; set data.label_type: "
            "number, or remove learner.horizon."
        )
    labels = len(schema.labels)
    if labels % horizon or labels > horizon * series.count:
        counts = " or ".join(str(horizon * n) for n in range(1, series.count + 1)[:3])
        raise JobFileError(
            f"learner.horizon {horizon} needs {counts} labels, the next {horizon} values of each series to predict, "
            f"but there are {labels}; make data.label and learner.horizon agree."
        )
    return NextValues(layers, series, np.arange(labels) // horizon)
