"""Offsets: typical values of the features, from which rows are counted before they become float32.

Where features are scaled, a row holds each number's distance from its feature's offset.  It is taken in float64, of
large whole numbers exactly, so that numbers that are close to each other keep the digits that tell them apart, however
large they are: epoch seconds, dates as YYYYMMDD, order numbers.  A prediction counts from the same offsets.  So it is
for trees, which only compare, but there just for numbers that float32 would round and that are far from 0.
"""

from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from yarnml.data.arrays import Array, Matrix, is_number, numeric, plain_type, to_float32
from yarnml.data.schema import Feature, Schema
from yarnml.data.shapes import columns_of, numbers_of, single
from yarnml.job.prepare import Impute

HEAD_ROWS = 1024
"""The rows at the start of the training data whose medians become the offsets."""

NEAR = 0.25
"""Of the least distance to 0: values that differ by no more gain digits by an offset among them."""

SMALLEST = 1e-20
"""Numbers nearer to 0 keep theirs: differences of them might be too small for a float32."""

EXACT = 2.0**53
"""Float64 holds all whole numbers up to here."""


def needs_offset(feature: Feature) -> bool:
    """Tell whether a feature's numbers are quantities as they are stored, at most with nulls filled."""
    return all(step.kind == "impute" for step in feature.steps)


def median(values: Array) -> float:
    """The middle one of the finite values, of two the smaller one; 0 where there is none."""
    finite = finite_of(values)
    return float(finite[(len(finite) - 1) // 2]) if len(finite) else 0.0


def median_of_rounded(values: Array) -> float:
    """Choose their `median` for values that float32 rounds, if they are much nearer to each other than to 0; else 0."""
    finite = finite_of(values)
    if not len(finite) or (finite == to_float32(finite)).all():
        return 0.0
    least = np.abs(finite).min()
    is_far = least >= SMALLEST and finite[-1] - finite[0] <= NEAR * least
    return median(values) if is_far else 0.0


Choice = Callable[[Array], float]
"""Chooses the offset of some values."""


def offsets_of(
    table: pa.Table, features: Iterable[Feature], where: str, choose: Choice = median
) -> dict[str, tuple[float, ...]]:
    """Find the offsets of these features, by name, from some rows of the training data."""
    chosen = [f for f in features if needs_offset(f)]
    columns = columns_of(table, [f.name for f in chosen], where)
    offsets = {f.name: _offsets(column, f, where, choose) for f, column in zip(chosen, columns, strict=True)}
    return {name: numbers for name, numbers in offsets.items() if any(numbers)}


def _offsets(column: pa.ChunkedArray, feature: Feature, where: str, choose: Choice) -> tuple[float, ...]:
    if not feature.steps:
        values = numeric(numbers_of(column, feature.name, feature.width, where), feature.name, where)
        return tuple(map(choose, values.reshape(-1, feature.width).T))
    if not is_number(plain_type(column.type)):  # text, which another step makes numbers of
        return ()
    offset = choose(numeric(single(column, feature.name, where), feature.name, where))
    has_indicator = any(isinstance(step, Impute) and step.indicator for step in feature.steps)
    return (offset, 0.0) if has_indicator else (offset,)


def finite_of(values: Array) -> Array:
    """List the finite values, ascending, in float64."""
    numbers = values.astype(np.float64)
    return np.sort(numbers[np.isfinite(numbers)])


def distances(values: Array, offsets: npt.NDArray[np.float64]) -> Matrix:
    """float32 [rows, width]: how far ``values`` [rows, width] are above the offsets [width]."""
    distance = values.astype(np.float64) - offsets
    if values.dtype.kind in "iu" and values.dtype.itemsize == 8 and (np.abs(values.astype(np.float64)) >= EXACT).any():
        exact = _whole_distances(values, offsets)
        distance = np.where((np.abs(distance) < EXACT) & (offsets == np.floor(offsets)), exact, distance)
    return to_float32(distance)


def _whole_distances(values: Array, offsets: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Subtract modulo 2^64: right where the distance fits an int64."""
    whole = np.array([int(offset) % 2**64 for offset in offsets], np.uint64)
    return (values.astype(np.uint64) - whole).view(np.int64)


def all_offsets(schema: Schema) -> npt.NDArray[np.float64]:
    """[width]: the offset of every number of a row; 0 where there is none."""
    return np.array([offset for f in schema.features for offset in f.offsets or (0.0,) * f.width], np.float64)
