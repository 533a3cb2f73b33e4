"""Whole numbers in the order of the floats: neighbours are one apart."""

import numpy as np

from yarnml.data.arrays import Array

ZERO = np.uint32(0x80000000)
"""The key of 0, and the sign among a float's bits."""

_BELOW_NORMAL = np.uint32(0x007FFFFF)  # bits of the largest number that XLA takes for 0


def key_of(number: Array) -> Array:
    """The keys of float32 numbers, uint32; -0.0 is 0.0, and so are numbers smaller than the normal ones."""
    size = np.maximum(np.abs(number).view(np.uint32), _BELOW_NORMAL) - _BELOW_NORMAL
    return np.where(number < 0, ZERO - size, ZERO + size)


def float_of(key: Array) -> Array:
    """The floats of keys."""
    size = np.where(key < ZERO, ZERO - key, key - ZERO)
    bits = np.where(size > 0, size + _BELOW_NORMAL, 0) | np.where(key < ZERO, ZERO, 0)
    return bits.astype(np.uint32).view(np.float32)


def between(below: Array, above: Array) -> Array:
    """The middle of two floats, or the lower one where they are neighbours."""
    middle = np.float32(0.5) * below + np.float32(0.5) * above
    return np.where((middle < above) & (middle >= below), middle, below)
