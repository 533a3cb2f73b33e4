"""Arrays that JAX takes over as they are: it copies one whose memory is not aligned."""

import math

import numpy as np
import numpy.typing as npt

from yarnml.data.arrays import Array

ALIGNMENT_BYTES = 64


def empty(shape: tuple[int, ...], kind: npt.DTypeLike) -> Array:
    """Make an aligned array with anything in it."""
    kind = np.dtype(kind)
    size = math.prod(shape) * kind.itemsize
    memory = np.empty(size + ALIGNMENT_BYTES, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT_BYTES
    return memory[start : start + size].view(kind).reshape(shape)


def aligned(array: Array) -> Array:
    """Copy an array to aligned memory, or return it where it is aligned already."""
    if array.ctypes.data % ALIGNMENT_BYTES == 0 and array.flags.c_contiguous:
        return array
    copy = empty(array.shape, array.dtype)
    copy[...] = array
    return copy
