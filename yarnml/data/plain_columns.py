"""Columns of plain numbers without nulls: most columns of wide tables, of which each call counts."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from yarnml.data.arrays import as_numpy
from yarnml.data.schema import Feature

_TYPES = (pa.int8(), pa.int16(), pa.int32(), pa.uint8(), pa.uint16(), pa.uint32(), pa.float32(), pa.float64())
_IDS = frozenset(kind.id for kind in _TYPES)
"""Of types whose values float64 holds exactly, so that distances from an offset are those of `distances`."""


def lay_plain(column: pa.ChunkedArray, feature: Feature, target: npt.NDArray[np.float32]) -> bool:
    """Lay a feature's numbers into ``target`` [rows]: False, and nothing done, where that takes more than rounding."""
    if feature.steps or column.type.id not in _IDS or column.num_chunks != 1 or column.null_count:
        return False
    values = as_numpy(column.chunk(0))
    offset = feature.offsets[0] if feature.offsets else 0.0
    with np.errstate(over="ignore"):  # what float32 can't hold becomes infinite
        if offset:
            np.subtract(values, offset, out=target, dtype=np.float64, casting="same_kind")
        else:
            np.copyto(target, values, casting="same_kind")
    return True
