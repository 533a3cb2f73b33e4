"""The place of numbers between the least and the greatest of the training rows; others lie outside of 0 to 1."""

import msgspec
import pyarrow as pa

from yarnml.data.arrays import float64
from yarnml.data.prepare import numeric
from yarnml.data.prepare.findings import Extremes, Finding, extremes
from yarnml.errors import DataError
from yarnml.job.prepare import MinMax

needs = numeric.needs
gives = numeric.gives
names = numeric.names


def find(step: MinMax, column: pa.Array, where: str) -> Finding | None:
    return extremes(float64(column)) if step.edges is None else None


def learn(step: MinMax, finding: Finding, where: str) -> MinMax:
    if not isinstance(finding, Extremes) or finding.is_empty:
        raise DataError(f"{where} holds no numbers in the training data to learn from; leave it out of data.features.")
    return msgspec.structs.replace(step, edges=finding.ends)


def apply(step: MinMax, column: pa.Array, where: str) -> pa.Array:
    low, high = step.edges or [0.0, 1.0]
    return numeric.column_of((float64(column) - low) / ((high - low) or 1.0))
