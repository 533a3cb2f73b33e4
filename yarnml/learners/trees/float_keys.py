"""Whole numbers in the order of the floats: neighbours are one apart."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from yarnml.data.arrays import Array

ZERO = np.uint32(0x80000000)
"""The key of 0, and the sign among a float's bits."""

_BELOW_NORMAL = np.uint32(0x007FFFFF)  # bits of the largest number that XLA takes for 0


def key_of(number: Array) -> Array:
    """The keys of float32 numbers, uint32; -0.0 is 0.0, and so are numbers smaller than the normal ones."""
    size = np.maximum(np.abs(number).view(np.uint32), _BELOW_NORMAL) - _BELOW_NORMAL
    return np.where(number < 0, ZERO - size, ZERO + size)


def float_of(key: Any, xp: Any) -> Any:
    """The float of a key; with NumPy or JAX."""
    size = xp.where(key < ZERO, ZERO - key, key - ZERO)
    bits = xp.where(size > 0, size + _BELOW_NORMAL, 0) | xp.where(key < ZERO, ZERO, 0)
    bits = bits.astype(xp.uint32)
    return bits.view(np.float32) if xp is np else jax.lax.bitcast_convert_type(bits, jnp.float32)


def between(below: jax.Array, above: jax.Array) -> jax.Array:
    """The middle of two floats, or the lower one where they are neighbours."""
    middle = 0.5 * below + 0.5 * above
    return jnp.where((middle < above) & (middle >= below), middle, below)
