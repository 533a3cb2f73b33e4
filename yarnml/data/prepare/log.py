"""The natural logarithm of numbers, by default of 1 more, for amounts from 0 on."""

import numpy as np
import pyarrow as pa

from yarnml.data.arrays import float64
from yarnml.data.prepare import hashed, numeric
from yarnml.errors import DataError
from yarnml.job.prepare import Log

needs = numeric.needs
gives = numeric.gives
find = numeric.find_nothing
learn = hashed.learn
names = numeric.names


def apply(step: Log, column: pa.Array, where: str) -> pa.Array:
    x = float64(column)
    low = np.nanmin(x + step.plus, initial=np.inf)
    if low <= 0:
        raise DataError(
            f"{where} holds {low - step.plus:.6g}, and with plus {step.plus:g} that has no logarithm; raise plus "
            "of log, or put clip before it."
        )
    return numeric.column_of(np.log1p(x) if step.plus == 1 else np.log(x + step.plus))
