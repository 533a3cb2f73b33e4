"""Metrics of predicted numbers: errors, squared, absolute, relative, in quantiles and as deviances."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from yarnml.data.schema import Schema
from yarnml.reduce.tree import Vector
from yarnml.worker.metrics.base import Metrics, Scored, Statistic, numbers_in

MANTISSA_BITS = 8
"""Of an error, in the histogram of `MedianError`: a bin is 2^-8 of its values wide."""

_SHIFT = 23 - MANTISSA_BITS
_BINS = 1 << (8 + MANTISSA_BITS)


class SquaredErrors:
    """RMSE and R²; R² is left out where the label is constant.

    ``centre``: labels are counted from here, so that the squares of large ones close to each other do not cancel.
    """

    size = 3

    def __init__(self, centre: float) -> None:
        self._centre = centre

    def sums(self, rows: Scored) -> Vector:
        above = rows.y - self._centre
        squares = rows.weight * np.square(rows.outputs - rows.y)
        return np.array([squares.sum(), (rows.weight * above).sum(), (rows.weight * np.square(above)).sum()])

    def metrics(self, total: Vector, weight: float) -> Metrics:
        squares, y, yy = map(float, total)
        spread = yy - y * y / weight
        rmse = {"rmse": (squares / weight) ** 0.5}
        return rmse | {"r2": 1 - squares / spread} if spread > 1e-12 * yy else rmse


class AbsoluteErrors:
    """Mean absolute error, and its share of the label, which is not defined where a label is 0."""

    size = 3

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def sums(self, rows: Scored) -> Vector:
        errors = rows.weight * np.abs(rows.outputs - rows.y)
        has_share = rows.y != 0
        shares = errors[has_share] / np.abs(rows.y[has_share])
        return np.array([errors.sum(), shares.sum(), rows.weight[~has_share].sum()])

    def metrics(self, total: Vector, weight: float) -> Metrics:
        values = {"mae": float(total[0]) / weight}
        if not total[2]:
            values["mape"] = float(total[1]) / weight
        return {name: value for name, value in values.items() if name in self._names}


class MedianError:
    """The median of the absolute errors, to 0.2 % of it, read off a histogram of their float32 bits.

    ``median_absolute_error_error`` is the most by which it is off.
    """

    size = _BINS

    def sums(self, rows: Scored) -> Vector:
        errors = np.abs(rows.outputs - rows.y).astype(np.float32)
        return np.bincount(errors.view(np.uint32) >> _SHIFT, rows.weight, _BINS)

    def metrics(self, total: Vector, weight: float) -> Metrics:
        place = int(np.searchsorted(np.cumsum(total), weight / 2))
        low, high = (_lower_end(min(place, _BINS - 1) + more) for more in (0, 1))
        return {
            "median_absolute_error": (low + high) / 2 if place else 0.0,
            "median_absolute_error_error": (high - low) / 2,
        }


def _lower_end(place: int) -> float:
    return float(np.array([place << _SHIFT], np.uint32).view(np.float32)[0])


class QuantileLosses:
    """The quantile (pinball) loss of some shares: what a prediction of that quantile minimises."""

    def __init__(self, shares: dict[str, float]) -> None:
        self._shares = shares
        self.size = len(shares)

    def sums(self, rows: Scored) -> Vector:
        above = rows.y - rows.outputs
        losses = [np.maximum(share * above, (share - 1) * above) for share in self._shares.values()]
        return np.array([(rows.weight * loss).sum() for loss in losses])

    def metrics(self, total: Vector, weight: float) -> Metrics:
        return {name: float(loss) / weight for name, loss in zip(self._shares, total, strict=True)}


class Deviances:
    """Mean deviances of Poisson's and the gamma distribution; not defined where a prediction is not above 0.

    Gamma's isn't either where a label is not above 0, nor Poisson's where one is below.
    """

    size = 4

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def sums(self, rows: Scored) -> Vector:
        has_poisson = (rows.outputs > 0) & (rows.y >= 0)
        has_gamma = (rows.outputs > 0) & (rows.y > 0)
        return np.array([
            _poisson(rows, has_poisson),
            rows.weight[~has_poisson].sum(),
            _gamma(rows, has_gamma),
            rows.weight[~has_gamma].sum(),
        ])  # fmt: skip

    def metrics(self, total: Vector, weight: float) -> Metrics:
        values = {"poisson_deviance": total[:2], "gamma_deviance": total[2:]}
        asked = {name: pair for name, pair in values.items() if name in self._names}
        return {name: float(deviance) / weight for name, (deviance, undefined) in asked.items() if not undefined}


def _poisson(rows: Scored, chosen: npt.NDArray[np.bool_]) -> float:
    mean = rows.outputs[chosen]
    y = rows.y[chosen]
    ratio = np.where(y > 0, y / mean, 1.0)  # y log y is 0 at 0
    return float((2 * rows.weight[chosen] * (y * np.log(ratio) - y + mean)).sum())


def _gamma(rows: Scored, chosen: npt.NDArray[np.bool_]) -> float:
    ratio = rows.y[chosen] / rows.outputs[chosen]
    return float((2 * rows.weight[chosen] * (ratio - 1 - np.log(ratio))).sum())


def squared_errors(schema: Schema, names: Sequence[str]) -> Statistic | None:
    return SquaredErrors(float(np.asarray(schema.centre))) if schema.task == "number" else None


def absolute_errors(schema: Schema, names: Sequence[str]) -> Statistic | None:
    return AbsoluteErrors(names) if schema.task == "number" and {"mae", "mape"} & {*names} else None


def median_error(schema: Schema, names: Sequence[str]) -> Statistic | None:
    return MedianError() if "median_absolute_error" in names else None


def quantile_losses(schema: Schema, names: Sequence[str]) -> Statistic | None:
    shares = numbers_in(names, "quantile_loss_")
    return QuantileLosses(shares) if shares else None


def deviances(schema: Schema, names: Sequence[str]) -> Statistic | None:
    return Deviances(names) if {"poisson_deviance", "gamma_deviance"} & {*names} else None
