"""The share of the training rows that have a value: one number for categories of any number."""

from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from yarnml.data.arrays import Matrix
from yarnml.data.lookup import places, whole
from yarnml.data.prepare import numeric, valued
from yarnml.data.prepare.findings import Finding, Values
from yarnml.data.prepare.findings import values as values_of
from yarnml.job.prepare import Frequency

needs = valued.needs
gives = valued.gives
names = numeric.names


def find(step: Frequency, column: pa.Array, where: str) -> Finding | None:
    return values_of(whole(column, where), step.max_values) if step.values is None or step.edges is None else None


def learn(step: Frequency, finding: Finding, where: str) -> Frequency:
    values = valued.counted(finding, Values, where)
    valued.check_number(values, step, where)
    counts: list[Any] = sorted(values.counts)
    rows = sum(count for _, count in counts)
    return msgspec.structs.replace(
        step, values=[value for value, _ in counts], edges=[count / rows for _, count in counts]
    )


def apply(step: Frequency, column: pa.Array, where: str) -> Matrix:
    column = whole(column, where)
    place = places(column, step.values or []).fill_null(-1).to_numpy(zero_copy_only=False)
    shares = np.append(np.array(step.edges, np.float64), 0.0)[place]
    is_null = column.is_null().to_numpy(zero_copy_only=False)
    return np.where(is_null, np.nan, shares).astype(np.float32)[:, None]
