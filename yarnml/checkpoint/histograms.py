"""Histograms of the parameters in a packed state."""

import numpy as np
import numpy.typing as npt

from yarnml.events.measurements import Histogram
from yarnml.storage.tensors import unpack

BUCKETS = 30

MAX_TENSORS = 50
"""Tensors that are summed up, the first by name: a report must not grow with the model."""

_STATE = "state/"
_PARAMETERS = "state/parameters/"
_OPTIMIZER = "state/optimizer/"


def histograms_of(data: bytes | bytearray) -> dict[str, Histogram]:
    """Sum up the parameters of a packed state, by the names of their tensors.

    They are the tensors of floats that are not the optimizer's; those of one number are left out, and so are numbers
    that are not finite.
    """
    arrays = {
        name.removeprefix(_PARAMETERS).removeprefix(_STATE): array.ravel()
        for name, array in unpack(bytes(data)).items()
        if name.startswith(_STATE) and not name.startswith(_OPTIMIZER) and array.dtype.kind == "f" and array.size > 1
    }
    finite = {name: arrays[name][np.isfinite(arrays[name])] for name in sorted(arrays)[:MAX_TENSORS]}
    return {name: histogram_of(values) for name, values in finite.items() if values.size}


def histogram_of(values: npt.NDArray[np.floating]) -> Histogram:
    """Sum up finite numbers, one at least."""
    numbers = values.astype(np.float64)
    counts, edges = np.histogram(numbers, BUCKETS)
    return Histogram(float(edges[0]), float(edges[-1]), float(numbers.sum()), float(numbers @ numbers), counts.tolist())
