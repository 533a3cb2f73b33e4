"""Numbers scaled by median and quartiles, which a few wild values do not move."""

import msgspec
import pyarrow as pa

from yarnml.data.arrays import float64
from yarnml.data.prepare import numeric
from yarnml.data.prepare.findings import Finding
from yarnml.job.prepare import Robust

needs = numeric.needs
gives = numeric.gives
find = numeric.find_quantiles
names = numeric.names


def learn(step: Robust, finding: Finding, where: str) -> Robust:
    return msgspec.structs.replace(step, edges=numeric.quantiles_at(finding, [0.25, 0.5, 0.75], where))


def apply(step: Robust, column: pa.Array, where: str) -> pa.Array:
    low, middle, high = step.edges or [0.0, 0.0, 1.0]
    return numeric.column_of((float64(column) - middle) / ((high - low) or 1.0))
