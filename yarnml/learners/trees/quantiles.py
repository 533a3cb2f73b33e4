"""Quantiles of the rows of every node, by counting: a pass finds the next digit of their numbers.

Numbers are taken as keys in the order of all floats (`float_keys`), whose digits tell the size first, so nothing has to
be known of the data.  A pass counts the weight of every next digit among the rows that agree with the digits so far.
These are sums over rows, so quantiles have the same bits however the rows are cut into shards.  With all `DIGITS` they
are exact; with the first two known to 1/256 of themselves.

The lower and the upper quantile, which differ where the share falls between two rows, are averaged.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from yarnml.data.arrays import Array
from yarnml.learners.trees.float_keys import ZERO, between, float_of, key_of

DIGITS = 4
VALUES = 256
"""Values of a digit."""

_BITS = 8
_ROUNDING = 1e-6


class Selection(NamedTuple):
    """The digits known so far of the quantiles of nodes, lower and upper.

    ``digits`` []: how many digits.  ``prefix`` uint32 [2, nodes]: these, and zeros.
    ``below`` [2, nodes]: the weight of the rows whose numbers are below.  ``total`` [nodes]: of all rows.
    """

    digits: jax.Array
    prefix: jax.Array
    below: jax.Array
    total: jax.Array


def begin(nodes: int) -> Selection:
    """Nothing known."""
    none = jnp.zeros((2, nodes))
    return Selection(jnp.zeros((), jnp.int32), none.astype(jnp.uint32), none, none[0])


def counts(selection: Selection, number: Array, node: Array, weight: Array) -> Array:
    """The weight of the rows by node and next digit, float64 [2, nodes, VALUES].

    ``selection``: of NumPy arrays.  ``number``, ``node``, ``weight`` [rows].
    """
    nodes = selection.prefix.shape[1]
    shift = np.uint32(_BITS * (DIGITS - 1 - int(selection.digits)))
    key = key_of(number.astype(np.float32))
    total = np.empty((2, nodes * VALUES))
    for side, prefix in enumerate(selection.prefix):
        digit = (key ^ prefix[node]) >> shift  # the next one, which the prefix has as 0, where those before agree
        rows = np.flatnonzero(digit < VALUES)
        place = node[rows].astype(np.int64) * VALUES + digit[rows]
        total[side] = np.bincount(place, weight[rows], nodes * VALUES)
    return total.reshape(2, nodes, VALUES)


def following(selection: Selection, counts: jax.Array, share: float, at_zero: float) -> Selection:
    """Take in the next digit.  ``at_zero``: the weight of rows of number 0 that each node has beside its own."""
    shift = (_BITS * (DIGITS - 1 - selection.digits)).astype(jnp.uint32)
    own = (ZERO ^ selection.prefix) >> shift
    is_zero = own[..., None] == jnp.arange(VALUES, dtype=jnp.uint32)
    counts += jnp.where(is_zero, at_zero, 0.0)
    upto = selection.below[..., None] + jnp.cumsum(counts, axis=-1)
    last = upto[..., -1:]
    total = jnp.where(selection.digits == 0, last[0, :, 0], selection.total)
    goal = (share * total)[:, None]
    reached = jnp.stack([upto[0] >= goal * (1 - _ROUNDING), upto[1] > goal * (1 + _ROUNDING)])
    digit = jnp.argmax(reached | (upto == last), axis=-1)[..., None]  # the last one with rows at most
    below = jnp.take_along_axis(upto - counts, digit, axis=-1)[..., 0]
    prefix = selection.prefix | digit[..., 0].astype(jnp.uint32) << shift
    return Selection(selection.digits + 1, prefix, below, total)


def quantiles_of(selection: Selection) -> jax.Array:
    """The quantiles of nodes that have rows, [nodes]."""
    unknown = (_BITS * (DIGITS - selection.digits)).astype(jnp.uint32)
    rest = jnp.where(unknown > 0, (jnp.uint32(1) << unknown) - 1, 0).astype(jnp.uint32)
    low = float_of(selection.prefix, jnp)
    high = float_of(selection.prefix | rest, jnp)
    return jnp.mean(between(low, high), axis=0)
