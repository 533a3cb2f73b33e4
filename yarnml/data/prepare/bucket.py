"""Buckets of numbers: given edges, or quantiles of the training data."""

from itertools import pairwise

import msgspec
import numpy as np
import pyarrow as pa

from yarnml.data.arrays import Matrix, float64, is_number
from yarnml.data.prepare.base import NUMBERS
from yarnml.data.prepare.findings import Finding, Quantiles, quantiles
from yarnml.data.prepare.one_hot import ones
from yarnml.errors import DataError
from yarnml.job.prepare import Bucket


def needs(step: Bucket, kind: pa.DataType) -> str | None:
    return None if is_number(kind) else "numbers"


def gives(step: Bucket, kind: pa.DataType) -> pa.DataType:
    return NUMBERS


def find(step: Bucket, column: pa.Array, where: str) -> Finding | None:
    return quantiles(float64(column)) if step.edges is None else None


def learn(step: Bucket, finding: Finding, where: str) -> Bucket:
    """Set edges at the quantiles, each once: of few different values there are fewer buckets."""
    if not isinstance(finding, Quantiles) or finding.is_empty:
        raise DataError(f"{where} holds no numbers in the training data to find buckets from; give bucket its edges.")
    edges = finding.at([place / step.buckets for place in range(1, step.buckets)])
    return msgspec.structs.replace(step, edges=sorted({edge for edge in edges if edge > finding.at([0.0])[0]}))


def names(step: Bucket, column: str) -> list[str]:
    ends = [f"{edge:.9g}" for edge in step.edges or []]
    if not step.one_hot or not ends:
        return [column]
    between = [f"{low}<={column}<{high}" for low, high in pairwise(ends)]
    return [f"{column}<{ends[0]}", *between, f"{column}>={ends[-1]}"]


def apply(step: Bucket, column: pa.Array, where: str) -> Matrix:
    x = float64(column)
    place = np.searchsorted(np.array(step.edges or [], np.float64), x, side="right")
    place = np.where(np.isnan(x), -1, place)
    if step.one_hot:
        return ones(place, len(step.edges or []) + 1)
    return np.where(place < 0, np.nan, place).astype(np.float32)[:, None]
