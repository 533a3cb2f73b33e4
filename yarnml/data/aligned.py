"""Arrays that JAX takes over as they are: it copies one whose memory begins anywhere else."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

ALIGNMENT = 64  # bytes


def empty(shape: tuple[int, ...], kind: npt.DTypeLike) -> npt.NDArray[Any]:
    """An aligned array, with anything in it."""
    kind = np.dtype(kind)
    size = math.prod(shape) * kind.itemsize
    memory = np.empty(size + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + size].view(kind).reshape(shape)


def aligned(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The same numbers in an aligned array."""
    if array.ctypes.data % ALIGNMENT == 0 and array.flags.c_contiguous:
        return array
    copy = empty(array.shape, array.dtype)
    copy[...] = array
    return copy
