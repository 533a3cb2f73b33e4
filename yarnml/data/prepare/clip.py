"""Numbers between two edges: those beyond are set to the edge."""

import msgspec
import numpy as np
import pyarrow as pa

from yarnml.data.arrays import float64
from yarnml.data.prepare import numeric
from yarnml.data.prepare.findings import Finding
from yarnml.job.prepare import Clip

needs = numeric.needs
gives = numeric.gives
find = numeric.find_quantiles
names = numeric.names


def learn(step: Clip, finding: Finding, where: str) -> Clip:
    return msgspec.structs.replace(step, edges=numeric.quantiles_at(finding, step.quantiles, where))


def apply(step: Clip, column: pa.Array, where: str) -> pa.Array:
    low, high = step.edges or [-np.inf, np.inf]
    return numeric.column_of(np.clip(float64(column), low, high))
